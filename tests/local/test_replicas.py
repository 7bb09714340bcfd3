"""Which parts a shop with replicas has, on which ports, and what they are called."""

from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local import parts, replicas, services
from roadbike.local.errors import CommandError
from roadbike.local.ports import Ports

NAMES = ("stock", "reservation", "payment")
FIRST = {"stock": 8081, "reservation": 8082, "payment": 8083}


@pytest.mark.parametrize(
    ("typed", "counts"),
    [
        ([], {}),
        (["reservation=2"], {"reservation": 2}),
        (["reservation=2", "stock=3"], {"reservation": 2, "stock": 3}),
        (["reservation=2, stock=3"], {"reservation": 2, "stock": 3}),
    ],
)
def test_counts_are_typed_one_by_one_or_with_commas(
    typed: list[str], counts: dict[str, int]
) -> None:
    found = replicas.read(typed, NAMES)

    assert found == counts
    assert replicas.read([line.partition("=")[2] for line in replicas.written(found)], NAMES) == (
        counts
    )


@pytest.mark.parametrize(
    "wrong", ["", "reservation", "reservation=0", "reservation=6", "reservation=two", "nats=2"]
)
def test_anything_else_is_refused(wrong: str) -> None:
    with pytest.raises(CommandError, match="reservation=2"):
        replicas.read([wrong], NAMES)


def test_further_replicas_have_the_ports_from_base_plus_20_on() -> None:
    made = replicas.with_ports(FIRST, 8080, {"payment": 2, "stock": 3})

    assert made == {
        "stock": {"stock-1": 8081, "stock-2": 8100, "stock-3": 8101},
        "reservation": {"reservation": 8082},
        "payment": {"payment-1": 8083, "payment-2": 8102},
    }


@pytest.mark.parametrize(
    ("part", "service"),
    [("stock-2", "stock"), ("stock", "stock"), ("set-up", "set-up"), ("stock-0", "stock-0")],
)
def test_a_part_is_a_process_of_its_service(part: str, service: str) -> None:
    assert replicas.service_of(part) == service


def test_a_name_is_one_part_or_all_replicas() -> None:
    known = ["stock-1", "stock-2", "payment", "set-up"]

    assert replicas.named("stock", known) == ["stock-1", "stock-2"]
    assert replicas.named("stock-2", known) == ["stock-2"]
    assert replicas.named("payment", known) == ["payment"]
    assert replicas.named("set-up", known) == ["set-up"]
    assert replicas.named("stok", known) == []


def test_replicas_share_one_migration_and_reservation_knows_all_of_payment(
    tmp_path: Path,
) -> None:
    specs = services.SERVICES
    home, ports = homes.at(tmp_path), Ports(20_000)
    made = services.replicas_of(specs, ports, {"payment": 2})

    made_parts = parts.service_parts(home, ports, {}, services.PAYMENT, made)
    given = services.environment(home, ports, {}, services.RESERVATION, made)

    assert made_parts[0].prepare == made_parts[1].prepare is not None
    assert [part.port for part in made_parts] == [20_003, 20_020]
    assert given["ROADBIKE_PAYMENT_URL"] == "http://127.0.0.1:20003,http://127.0.0.1:20020"

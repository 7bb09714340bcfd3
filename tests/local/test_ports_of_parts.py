"""While a part is stopped or restarts, its port refuses at once and cannot be taken by others."""

import time

import pytest

from tests.local.other_user import needs_root, persistent_squatter, squats
from tests.local.stub_shop import StubShop
from tests.local.test_bound_port import is_accepted, is_refused_at_once

SERVICES = ("stock", "reservation", "payment", "delivery", "mypage", "account")
SERVERS = ("gateway", "nats", "postgres", "set-up")
WITHOUT_GAP = (
    *SERVICES,
    "gateway",
    "set-up",
)  # the others bind their own


@pytest.mark.parametrize("part", [*SERVICES, *SERVERS])
def test_the_port_of_a_stopped_part_refuses_at_once(shop: StubShop, part: str) -> None:
    port = shop.shop_json["ports"][part]

    shop.command("stop", part)
    refused = is_refused_at_once(port)
    shop.command("start", part)

    assert refused
    assert is_accepted(port)


@needs_root
def test_no_other_user_can_take_a_port_of_a_running_shop(shop: StubShop) -> None:
    fallback = shop.base + 9

    outcomes = {port: set(squats(port)) for port in (*shop.shop_json["ports"].values(), fallback)}

    assert set().union(*outcomes.values()) == {"EADDRINUSE"}, outcomes


@needs_root
@pytest.mark.parametrize("part", [*SERVICES, *SERVERS])
def test_no_other_user_can_take_the_port_of_a_stopped_part(shop: StubShop, part: str) -> None:
    port = shop.shop_json["ports"][part]

    shop.command("stop", part)
    outcomes = set(squats(port))
    shop.command("start", part)

    assert outcomes == {"EADDRINUSE"}


@needs_root
def test_no_other_user_can_take_a_port_between_the_end_of_a_part_and_its_next_start(
    shop: StubShop,
) -> None:
    ports = [shop.shop_json["ports"][part] for part in WITHOUT_GAP]

    with persistent_squatter(ports) as taken:
        for part in WITHOUT_GAP:
            shop.command("kill", part)
            shop.command("start", part)  # waits until it is ready
        shop.command("kill", "stock")
        time.sleep(0.1)  # at the second end in a row its restart waits for 0.3 s
        outcome = taken()
    shop.command("start", "stock")

    assert outcome == b""

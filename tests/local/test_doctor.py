"""`roadbike doctor` says what a shop needs on this machine, and changes nothing."""

import hashlib
import os
import socket
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from roadbike.environment import SELLER
from roadbike.local import home as homes
from roadbike.local.commands import doctor
from roadbike.local.commands.doctor import Finding
from roadbike.local.servers import binaries
from tests.ports import free_base

PATH = {"PATH": os.environ["PATH"]}


@pytest.fixture
def examined(tmp_path: Path) -> Callable[..., list[Finding]]:
    def examine(base: int | None = None, **environ: str) -> list[Finding]:
        return doctor.examine(homes.at(tmp_path / "home"), base or free_base(), PATH | environ)

    return examine


def bad(findings: list[Finding]) -> list[str]:
    return [each.sentence for each in findings if each.verdict == "bad"]


def test_a_machine_that_has_everything_is_well(
    examined: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    found = examined()
    to = StringIO()

    code = doctor.show(found, Console(file=to, width=200))

    assert (bad(found), code) == ([], 0)
    assert to.getvalue().endswith("A shop can be opened on this machine.\n")
    assert not (tmp_path / "home").exists()


def test_a_program_is_shown_with_its_path_version_and_sum(
    examined: Callable[..., list[Finding]],
) -> None:
    program = binaries.nats_server(PATH)
    line = next(each.sentence for each in examined() if each.sentence.startswith("NATS"))

    assert f" in {program} " in line
    assert hashlib.sha256(program.read_bytes()).hexdigest() in line
    assert line.split()[1].lstrip("v")[0].isdigit()


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"ROADBIKE_TRAEFIK": "/no/traefik"}, "ROADBIKE_TRAEFIK names /no/traefik, which is not"),
        ({"ROADBIKE_OVERBOKK": "1"}, "ROADBIKE_OVERBOKK is not a setting: did you mean"),
        ({"ROADBIKE_CORS_ORIGINS": "shop.example"}, "ROADBIKE_CORS_ORIGINS has shop.example"),
        ({"ROADBIKE_HOSTS": "http://shop"}, "ROADBIKE_HOSTS has http://shop"),
        ({"ROADBIKE_OVERBOOK": "many"}, "ROADBIKE_OVERBOOK is wrong: it must be a whole number"),
        ({"G_STORE": "\u200b"}, "G_STORE is wrong: it must be one line of visible characters"),
        ({"ROADBIKE_HANG_SECONDS": "1"}, "ROADBIKE_HANG_SECONDS is 1: give seconds, 2 or more"),
        ({"ROADBIKE_TLS_CERT": "x"}, "ROADBIKE_TLS_CERT needs ROADBIKE_TLS_KEY"),
        ({"ROADBIKE_TRUSTED_HOPS": "1", "ROADBIKE_GATEWAY_KEY": ""}, "ROADBIKE_TRUSTED_HOPS needs"),
    ],
)
def test_what_keeps_a_shop_from_opening_is_named(
    examined: Callable[..., list[Finding]], environ: dict[str, str], sentence: str
) -> None:
    found = examined(**environ)

    assert [line for line in bad(found) if line.startswith(sentence)]
    assert doctor.show(found, Console(file=StringIO())) == 1


def test_a_taken_port_leads_to_a_base_that_is_free(
    examined: Callable[..., list[Finding]],
) -> None:
    base = free_base()
    with socket.create_server(("127.0.0.1", base + 3)):
        (line,) = bad(examined(base))

    assert line.startswith(f"port {base + 3} is taken by ")
    assert "open the shop with --port-base " in line


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    found = doctor.examine(homes.at(tmp_path / "file"), free_base(), PATH)

    assert bad(found) == [
        f"{tmp_path / 'file'} is a file, not a folder: choose another folder with --home"
    ]


def test_an_empty_setting_is_a_note(examined: Callable[..., list[Finding]]) -> None:
    found = examined(ROADBIKE_LOG_LEVEL="")

    assert Finding("note", "ROADBIKE_LOG_LEVEL is empty and counts as not set") in found


def test_what_the_pages_do_not_say_about_the_seller_is_named(
    examined: Callable[..., list[Finding]],
) -> None:
    rest = dict.fromkeys(SELLER - {"ROADBIKE_SELLER_PHONE"}, "x")

    [missing] = [each for each in examined(**rest) if "seller" in each.sentence]
    complete = examined(**rest, ROADBIKE_SELLER_PHONE="02-123-4567")

    assert missing.verdict == "note"
    assert missing.sentence.endswith("Not set: ROADBIKE_SELLER_PHONE")
    assert not [each for each in complete if "seller" in each.sentence]

"""How a drill is chosen, played, shown and ended."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from roadbike.__main__ import main
from roadbike.local.errors import CommandError
from roadbike.ops.drills import command, report
from roadbike.ops.drills.answers import Answer
from roadbike.ops.drills.drill import Drill, Size
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.shop import DrilledShop, Elsewhere
from tests.ops.answering import always, answering, response

NAME = "restart"


def passes(found: Report) -> None:
    found.check("all-answered", passed=True, users=1, share="100.00", sent=1)


def fails(found: Report) -> None:
    found.check("all-answered", passed=False, users=1, share="0.00", sent=1)


def checks_nothing(_found: Report) -> None:
    pass


def cannot_go_on(_found: Report) -> None:
    raise CommandError("drill-load-failed")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    (tmp_path / "token").write_text("the-token\n")
    touch = f"touch {tmp_path}/{{service}}"
    return Elsewhere(
        gateway="http://127.0.0.1:1",
        token_file=tmp_path / "token",
        stopper=f"{touch}-stopped",
        starter=f"{touch}-started",
        restarter="false {service}",
    )


@pytest.mark.parametrize(
    ("does", "code"), [(passes, 0), (fails, 1), (checks_nothing, 1), (cannot_go_on, 2)]
)
def test_the_exit_code_says_what_became_of_the_drill(
    does: object, code: int, elsewhere: Elsewhere, capsys: pytest.CaptureFixture[str]
) -> None:
    async def play(_shop: DrilledShop, found: Report, _size: Size) -> None:
        does(found)  # type: ignore[operator]

    drill = Drill(name=NAME, play=play)

    ended = command.play_all([drill, drill], elsewhere, Size(), as_json=True)

    assert ended == code
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["passed"] for line in lines] == ([] if code == 2 else [code == 0] * 2)


async def test_a_shop_elsewhere_is_reached_by_its_token_and_stopped_by_its_commands(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    heads: list[bytes] = []

    async def answer(head: bytes) -> bytes:
        heads.append(head)
        return response(200)

    async def play(shop: DrilledShop, _found: Report, _size: Size) -> None:
        await shop.admin.get("/stocks")
        await shop.stop("stock")
        await shop.start("stock")
        with pytest.raises(CommandError, match="exit code 1"):
            await shop.restart("stock")

    async with answering(answer) as url:
        there = replace(elsewhere, gateway=url)
        await command.play_at(there, Drill(name=NAME, play=play), found := Report(NAME), Size())

    assert len(found.figures) == 2  # that neither its limits nor its databases were seen
    assert b"Authorization: Bearer the-token\r\n" in heads[0]
    assert (tmp_path / "stock-stopped").exists()
    assert (tmp_path / "stock-started").exists()


async def test_one_command_with_the_number_of_processes_stops_and_starts(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    touch = f"sh -c 'touch {tmp_path}/{{service}}={{n}}'"
    there = Elsewhere(
        gateway="http://127.0.0.1:1", token_file=tmp_path / "token", stopper=touch, replicas=3
    )

    async with command.drilled(there, print) as shop:
        await shop.stop("stock")
        await shop.start("stock")
        with pytest.raises(CommandError, match="--restarter"):
            await shop.restart("stock")

    assert (tmp_path / "stock=0").exists()
    assert (tmp_path / "stock=3").exists()


async def test_a_stopper_without_the_number_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    there = Elsewhere(
        gateway="http://127.0.0.1:1", token_file=tmp_path / "token", stopper="true {service}"
    )

    async with command.drilled(there, print) as shop:
        with pytest.raises(CommandError, match="--starter"):
            await shop.start("stock")


async def test_a_shop_that_limits_sign_ups_cannot_be_drilled(elsewhere: Elsewhere) -> None:
    async def play(shop: DrilledShop, _found: Report, _size: Size) -> None:
        await shop.buyers(2)

    async with answering(always(response(429))) as url:
        there = replace(elsewhere, gateway=url)
        with pytest.raises(CommandError, match="limits sign-ups"):
            await command.play_at(there, Drill(name=NAME, play=play), Report(NAME), Size())


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("C.UTF-8", ("phase", "✗ 1 at a time: 0.00 % of 1", "restart: failed (1 of 1 checks)")),
        ("ko_KR.UTF-8", ("구간", "✗ 사용자 1명: 요청 1건 중 0.00 %", "restart: 실패")),
    ],
)
def test_a_report_shows_its_phases_checks_and_verdict(
    locale: str, said: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    found, console = Report(NAME), Console(record=True, width=120)

    found.phase("users", [Answer(0.0, 5.0, 201), Answer(0.0, 9.0, 500)], users=30)
    fails(found)
    report.show(found, console)

    shown = console.export_text()
    assert [part for part in said if part not in shown] == []
    assert re.search(r"30.* 2 +1 +0 +0 +0 +1 +50.00 +5 +5", shown)


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (["drill"], 0, "Restart every service in turn"),
        (["drill", "restrat"], 2, "did you mean restart?"),
        (["drill", NAME, "--gateway", "http://x"], 2, "--gateway needs --token-file"),
        (["drill", NAME, "--token-file", "x"], 2, "--gateway needs --token-file"),
        (["drill", NAME, "--stopper", "true"], 2, "--gateway needs --token-file"),
        (["drill", NAME, "--home", "/nowhere/at/all"], 2, "no shop is running"),
    ],
)
def test_what_is_typed_wrongly_is_said_and_not_played(
    typed: list[str], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _main(typed) == code

    out, err = capfd.readouterr()
    assert said in out + err


def test_every_drill_has_a_title_in_the_list() -> None:
    console = Console(record=True, width=300)

    command.show_list(console)

    lines = console.export_text().splitlines()
    assert [line.split()[0] for line in lines] == list(command.DRILLS)
    assert all(len(line.split()) > 3 for line in lines)


def _main(typed: list[str]) -> int:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", ["roadbike", *typed])
        return main()

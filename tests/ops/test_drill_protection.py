"""What the drills breaker, overload and hung-payment make of what they see."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from roadbike.local.errors import CommandError
from roadbike.ops import journal
from roadbike.ops.drills import command, siege
from roadbike.ops.drills.answers import LOST, Answer, tally
from roadbike.ops.drills.breaker import opened_again
from roadbike.ops.drills.command import DRILLS
from roadbike.ops.drills.cores import Used
from roadbike.ops.drills.drill import Size
from roadbike.ops.drills.inside import ChangingSettings, home_of, in_time
from roadbike.ops.drills.load import Call, Plan
from roadbike.ops.drills.overload import Rate, check, in_deadline
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.shop import Elsewhere
from roadbike.ops.people import Person
from tests.ops.answering import always, answering, response

SIEGED = """\
[Fri, {now}] HTTP/1.1 201     0.10 secs:     574 bytes ==> POST http://127.0.0.1:1/reservations
[Fri, {now}] HTTP/1.1 503     0.01 secs:     200 bytes ==> POST http://127.0.0.1:1/reservations
[Fri, {now}] HTTP/1.1 500     2.50 secs:     200 bytes ==> POST http://127.0.0.1:1/reservations
"""
ERRORS = """\
** SIEGE 4.0.7
[error] socket: unable to connect sock.c:282: Connection refused
Availability:              33.33 %
"""


def test_the_output_of_siege_is_read_request_by_request() -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S")

    answers = list(siege.read(SIEGED.format(now=now), ERRORS))

    counted = tally(answers)
    assert [answer.status for answer in answers] == [201, 503, 500, LOST]
    assert [answer.ms for answer in answers] == [100, 10, 2500, 0]
    assert (counted.good, counted.refused, counted.other, counted.lost) == (1, 1, 1, 1)
    assert answers[2].sent == pytest.approx(time.monotonic() - 2.5, abs=2)


async def test_without_siege_it_is_said_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert not siege.is_installed()
    with pytest.raises(CommandError, match="apt install siege"):
        async with siege.siege("http://x", "t", "{}", siege.Options(clients=1, seconds=1)):
            pass


@pytest.mark.parametrize(
    ("states", "passed"),
    [
        ("open half_open open half_open closed", True),
        ("open half_open open half_open open half_open closed", True),
        ("open half_open closed", False),  # it did not open again
        ("open half_open open half_open", False),
        ("open half_open open closed", False),
        ("half_open open half_open open half_open closed", False),
        ("", False),
    ],
)
def test_the_order_of_the_breaker_s_states_is_checked(states: str, *, passed: bool) -> None:
    assert opened_again(states.split()) is passed


def answers_of(*ms_and_status: tuple[float, int]) -> Sequence[Answer]:
    return [Answer(0.0, ms, status, retry_after=status == 503) for ms, status in ms_and_status]


def test_only_reservations_made_within_the_deadline_count() -> None:
    assert in_deadline(answers_of((100, 201), (610, 201), (611, 201), (5, 503))) == 2


def rate(made: float, load: float = 0.2, others: float = 0.0) -> Rate:
    return Rate(made, Used(load=load, service=0.5, shop=1.5, others=others, of=2))


@pytest.mark.parametrize(
    ("made", "refused_ms", "size", "failed"),
    [
        (rate(95), 20, Size(strict=True), []),
        (rate(89), 20, Size(), ["goodput"]),
        (rate(89, load=0.3), 20, Size(), []),  # as many for each core that the load left
        (rate(89, load=0.3), 20, Size(strict=True), ["goodput"]),
        (rate(45, others=0.9), 20, Size(), []),
        (rate(60), 20, Size(small=True), []),
        (rate(60), 20, Size(small=True, strict=True), ["goodput"]),
        (rate(95), 60, Size(), []),
        (rate(95), 60, Size(strict=True), ["refused-p99"]),
        (rate(95), 2_100, Size(), ["refused-p99"]),
    ],
)
def test_an_overload_fails_by_its_ratio_and_by_what_never_ends(
    made: Rate, refused_ms: float, size: Size, failed: list[str]
) -> None:
    report = Report("overload")

    check(report, size, made, rate(100), answers_of((refused_ms, 503)))

    assert [each.name for each in report.checks if not each.passed] == failed


def test_a_run_without_refusals_was_no_overload() -> None:
    report = Report("overload")

    check(report, Size(), rate(100), rate(100), answers_of((5, 201)))

    assert not report.passed


@pytest.mark.parametrize(
    ("seconds", "strict", "passed"),
    [(1.9, True, True), (2.1, True, False), (2.1, False, True), (21, False, False)],
)
def test_a_time_fails_by_its_target_only_if_asked_to(
    seconds: float, *, strict: bool, passed: bool
) -> None:
    report = Report("hung-payment")

    in_time(report, Size(strict=strict), "hung-opened", seconds, wanted=2, never=20)

    assert report.passed is passed


@pytest.mark.parametrize("name", ["breaker", "overload"])
def test_what_a_drill_writes_for_its_shop_lasts_until_that_is_closed(name: str) -> None:
    """Services that end are started again until then, and need their settings."""
    drill = DRILLS[name]
    files = [
        Path(at) for variable, at in drill.settings(Size()).items() if variable.endswith("_FILE")
    ]
    written = [path.exists() for path in files]

    drill.after()

    assert written
    assert all(written)
    assert not any(path.exists() for path in files)


async def test_the_journal_names_who_asked_for_what(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    calls = [Call("POST", "/reservations", "{}"), Call("GET", "/stocks")]
    made = Answer(time.monotonic(), 30.0, 201, call=0, user=1, key="k", found="r")
    lost = Answer(time.monotonic(), 30.0, LOST, call=0, user=0, key="l")
    read = Answer(time.monotonic(), 30.0, 200, call=1, user=0)

    async with answering(always(response(200))) as url:
        there = Elsewhere(
            gateway=url,
            token_file=tmp_path / "token",
            stopper="true",
            starter="true",
            restarter="true",
        )
        async with command.drilled(there, print) as shop:
            buyers = [Person(shop.http, url, user, "-") for user in ("kim", "lee")]
            plan = Plan(url=url, calls=calls, tokens=["t", "t"], connections=1, seconds=1)
            with journal.Journal(tmp_path / "j") as shop.journal:
                shop.write_journal(plan, [made, lost, read], buyers)

    lines = journal.read([tmp_path / "j"])
    assert [(line.user_id, line.status, line.key, line.id) for line in lines] == [
        ("lee", 201, "k", "r"),
        ("kim", 0, "l", None),
    ]
    assert (lines[0].ended - lines[0].began).total_seconds() == pytest.approx(0.03, abs=0.001)
    assert abs(lines[0].began.timestamp() - time.time()) < 5


async def test_settings_are_changed_in_a_shop_of_its_own_only(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    changing = ChangingSettings(in_flight=7)
    restarted = tmp_path / "payment"

    async with answering(always(response(200))) as url:
        there = Elsewhere(
            gateway=url,
            token_file=tmp_path / "token",
            stopper="true",
            starter="true",
            restarter=f"touch {tmp_path}/{{service}}",
        )
        async with command.drilled(there, print) as shop:
            assert shop.change is None
            with pytest.raises(CommandError, match="--home"):
                await changing.change(shop, "payment", in_flight=8)
            with pytest.raises(CommandError, match="--gateway"):
                home_of(shop)
            environ = changing.for_own_shop(Size())
            await changing.change(shop, "payment", in_flight=8)
            (file,) = map(Path, environ.values())
            written_down = file.read_text()
            changing.forget()

    assert written_down == "8"
    assert restarted.exists()
    assert list(environ) == ["ROADBIKE_IN_FLIGHT_FILE"]
    assert not file.exists()


async def test_settings_of_a_shop_elsewhere_are_changed_by_a_command(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    there = Elsewhere(
        gateway="http://127.0.0.1:1",
        token_file=tmp_path / "token",
        setter=f"sh -c 'echo {{service}} {{settings}} > {tmp_path}/said'",
    )

    async with command.drilled(there, print) as shop:
        await ChangingSettings(in_flight=7).change(shop, "payment", in_flight=8, overbook=2)

    said = (tmp_path / "said").read_text()
    assert said == "payment ROADBIKE_IN_FLIGHT=8 ROADBIKE_OVERBOOK=2\n"

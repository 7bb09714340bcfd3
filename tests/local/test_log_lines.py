"""`roadbike logs` merges logs by time and finds the lines of one request or one purchase."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roadbike.local import home as homes
from roadbike.local.commands import log_lines, logs
from roadbike.local.commands.log_lines import Line
from roadbike.local.errors import CommandError

OURS, THEIRS = "reserve-ours", "reserve-theirs"
RESERVED, PAID, OTHER = "a" * 32, "b" * 32, "c" * 32


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def line(second: int, event: str, **members: Any) -> str:
    return json.dumps(
        {"event": event, "timestamp": f"2026-11-27T03:00:{second:02}.5Z", **members},
        separators=(",", ":"),
    )


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("".join(f"{each}\n" for each in lines))


def shown(
    folder: Path,
    part: str | None = None,
    *,
    count: int | None = None,
    to: io.StringIO | None = None,
    **asked: str,
) -> list[str]:
    to = to or io.StringIO()
    wanted = log_lines.wanted(**{"trace": None, "reserve": None, "since": None, **asked})
    logs.show(homes.at(folder.parent), part, follow=False, count=count, wanted=wanted, to=to)
    return to.getvalue().splitlines()


def purchase(folder: Path) -> None:
    """The logs of two purchases, of which the services sent and consumed events together."""
    both = {"keys": [OURS, THEIRS], "traces": [RESERVED, OTHER]}
    write(
        folder,
        "reservation.log",
        line(1, "http.request", created=f"/reservations/{OURS}", trace=RESERVED),
        line(2, "http.request", created=f"/reservations/{THEIRS}", trace=OTHER),
        line(3, "events.sent", count=2, **both),
    )
    write(
        folder,
        "payment.log",
        line(5, "http.request", ids={"payment_id": "pay-ours"}, trace=PAID),
        line(6, "events.sent", count=1, keys=[OURS], traces=[PAID]),
    )
    write(folder, "stock.log", line(4, "events.consumed", count=2, **both))


def test_all_logs_are_merged_by_time(folder: Path) -> None:
    write(folder, "stock.log", line(2, "second"), line(4, "fourth"))
    write(folder, "postgres.log", "2026-11-27 03:00:03.100 UTC [7] LOG:  third", "\tmore of it")
    write(folder, "nats.log", "[7] 2026/11/27 03:00:01.123456 [INF] first")

    merged = [each.split(maxsplit=1) for each in shown(folder)]

    assert [part for part, _ in merged] == ["nats", "stock", "postgres", "postgres", "stock"]
    assert merged[3][1] == "more of it"


def test_a_time_with_an_offset_is_brought_to_utc(folder: Path) -> None:
    write(folder, "gateway.log", "2026-11-27T12:00:03+09:00 ERR second")
    write(folder, "stock.log", line(2, "first"), line(4, "third"))

    assert [each.split()[0] for each in shown(folder)] == ["stock", "gateway", "stock"]


def test_the_last_lines_of_each_log_are_shown(folder: Path) -> None:
    write(folder, "stock.log", *[line(second, f"event-{second}") for second in range(50)])
    write(folder, "payment.log", line(0, "only"))

    assert len(shown(folder)) == 21
    assert [each.split(maxsplit=1)[0] for each in shown(folder, count=1)] == ["payment", "stock"]
    assert shown(folder, count=0) == []
    assert "event-49" in shown(folder, "stock", count=1)[0]


def test_a_purchase_is_found_in_all_logs(folder: Path) -> None:
    purchase(folder)

    found = [each.split(maxsplit=1) for each in shown(folder, reserve=OURS)]

    assert [part for part, _ in found] == [
        *("reservation", "reservation", "stock", "payment", "payment"),
    ]
    assert not [text for _, text in found if THEIRS in text or OTHER in text]
    published = json.loads(found[1][1])
    assert (published["keys"], published["traces"], published["count"]) == ([OURS], [RESERVED], 2)


def test_a_request_is_found_with_all_its_events(folder: Path) -> None:
    purchase(folder)

    found = [json.loads(each.split(maxsplit=1)[1]) for each in shown(folder, trace=OTHER)]

    assert [each["event"] for each in found] == [
        *("http.request", "events.sent", "events.consumed"),
    ]
    assert found[1]["keys"] == found[2]["keys"] == [THEIRS]


def test_lines_that_moved_to_the_log_before_are_found(folder: Path) -> None:
    write(folder, "stock.log.1", line(1, "http.request", trace=PAID))
    write(folder, "stock.log", line(2, "other"))

    (found,) = shown(folder, "stock", trace=PAID)

    assert json.loads(found)["event"] == "http.request"


def test_lines_since_a_time(folder: Path) -> None:
    write(folder, "stock.log", *[line(second, f"event-{second}") for second in range(50)])

    found = shown(folder, "stock", since="2026-11-27T03:00:20Z")

    assert [json.loads(each)["event"] for each in found] == [f"event-{n}" for n in range(20, 50)]
    assert len(shown(folder, "stock", since="2026-11-27T03:00:20Z", count=3)) == 3


NOW = datetime(2026, 11, 27, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("2026-11-27T11:59:00+09:00", timedelta(minutes=1)),
    ],
)
def test_a_time_can_be_given_as_so_long_ago(text: str, ago: timedelta) -> None:
    assert log_lines.moment(text, NOW) == NOW - ago


@pytest.mark.parametrize("text", ["", "yesterday", "10", "10 m", "25:00"])
def test_another_text_is_no_time(text: str) -> None:
    with pytest.raises(CommandError, match=r"not a time|시각"):
        log_lines.moment(text, NOW)


def test_on_a_terminal_a_line_is_made_for_reading(folder: Path) -> None:
    write(
        folder,
        "stock.log",
        line(1, "http.request", level="info", service="stock", status=200, ids={"bike_id": "7"}),
        line(2, "http.failed", level="error", service="stock", exception="Traceback …\nKeyError"),
    )

    assert shown(folder, "stock", to=Terminal()) == [
        '03:00:01.500 http.request status=200 ids={"bike_id":"7"}',
        "03:00:02.500 ERROR http.failed ",
        "Traceback …",
        "KeyError",
    ]


def test_a_line_of_json_that_no_service_wrote_is_shown_as_it_is() -> None:
    broken = Line("gateway", NOW, '{"event": ')

    assert broken.readable == '{"event": '

"""The lines of all logs: their times, by which they are merged, and which of them are wanted."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import msgspec

from roadbike.local.errors import CommandError

# as services, PostgreSQL, NATS and Traefik write them; UTC when there is no offset
TIME: Final = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,6})?)(Z|[+-]\d\d:\d\d)?"
)
OWN_TIME: Final = re.compile(r'"timestamp":"([^"]+)"')  # in JSON
NEAR: Final = 60  # characters from the beginning of a line, in which its time stands
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
AGO: Final = re.compile(r"(\d+)([smhd])")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
SHOWN_ELSEWHERE: Final = {"timestamp", "service", "level", "event", "exception"}
EACH: Final = ("keys", "traces")  # of a batch's line: one for each event, in the same order


@dataclass(frozen=True)
class Line:
    """One line of a part's log, or several that belong to one event.

    at: its time, or that of the line before it. text: as it stands in the log.
    """

    part: str
    at: datetime
    text: str

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The members of a line that a service wrote; empty for other lines."""
        if self.text.startswith("{"):
            try:
                return msgspec.json.decode(self.text, type=dict[str, Any])
            except ValueError:
                return {}
        return {}

    @property
    def readable(self) -> str:
        """Return the line as a person reads it."""
        if "event" not in self.fields:
            return self.text
        level = self.fields.get("level", "")
        loud = f"{level.upper()} " if level in {"warning", "error"} else ""
        shown = {name: v for name, v in self.fields.items() if name not in SHOWN_ELSEWHERE}
        members = " ".join(f"{name}={_plain(value)}" for name, value in shown.items())
        failure = "\n".join(["", self.fields["exception"]] if "exception" in self.fields else [])
        return f"{self.at:%H:%M:%S.%f}"[:-3] + f" {loud}{self.fields['event']} {members}{failure}"


def parsed(part: str, texts: Iterable[str]) -> Iterator[Line]:
    """Return the lines of one log. One without a time has that of the line before it."""
    at = LONG_AGO
    for text in texts:
        at = _time_of(text) or at
        yield Line(part, at, text)


def wanted(*, trace: str | None, reserve: str | None, since: str | None) -> "Wanted":
    """Return which lines are meant by these options of the command.

    Raises CommandError for a time that cannot be read.
    """
    begin = moment(since, datetime.now(UTC)) if since else LONG_AGO
    return Wanted(trace=trace, reserve=reserve, since=begin)


def moment(text: str, now: datetime) -> datetime:
    """Return the time that is meant: `90s`, `10m`, `2h` and `1d` ago, or an ISO time.

    Raises CommandError for another text.
    """
    if ago := AGO.fullmatch(text):
        try:
            return now - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            return LONG_AGO
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError("not-a-time", text=text) from None
    return given if given.tzinfo else given.astimezone()


@dataclass
class Wanted:
    """Which lines are shown: all, or those of a trace, of a purchase, since a time.

    A line of a batch is reduced to the events that are wanted. To a purchase belong the lines
    that name it, and those of the requests that have led to its events.
    """

    trace: str | None = None
    reserve: str | None = None
    since: datetime = LONG_AGO
    _traces: set[str] = field(default_factory=set)

    @property
    def is_everything(self) -> bool:
        """Return whether nothing was asked for."""
        return not self.trace and not self.reserve and self.since == LONG_AGO

    def among(self, lines: Iterable[Line]) -> list[Line]:
        """Return the wanted ones of the lines, in their order."""
        recent = [line for line in lines if line.at >= self.since]
        for line in recent:
            self._learn(line)
        return [shown for line in recent if (shown := self._reduced(line))]

    def _learn(self, line: Line) -> None:
        """Note the traces of a line that names the purchase."""
        if not self.reserve or self.reserve not in line.text:
            return
        keys, traces = (line.fields.get(name) for name in EACH)
        if keys and traces:
            self._traces |= {t for k, t in zip(keys, traces, strict=True) if k == self.reserve}
        elif own := line.fields.get("trace"):
            self._traces.add(own)
        self._traces.discard("")  # an event without a trace

    def _reduced(self, line: Line) -> Line | None:
        if not self.trace and not self.reserve:
            return line
        if not self._has_line(line):
            return None
        keys, traces = (line.fields.get(name) for name in EACH)
        if not keys or not traces:
            return line
        events = [each for each in zip(keys, traces, strict=True) if self._has(*each)]
        return _with_events(line, events) if events else None

    def _has(self, key: str, trace: str) -> bool:
        return self.trace in {None, trace} and self.reserve in {None, key}

    def _has_line(self, line: Line) -> bool:
        if self.trace and self.trace not in line.text:
            return False
        if not self.reserve or self.reserve in line.text:
            return True
        return any(f'"trace":"{trace}"' in line.text for trace in self._traces)


def _with_events(line: Line, events: list[tuple[str, str]]) -> Line:
    keys, traces = zip(*events, strict=True)
    reduced = line.fields | {"keys": keys, "traces": traces}
    return replace(line, text=msgspec.json.encode(reduced).decode())


def _time_of(text: str) -> datetime | None:
    if text.startswith("{"):
        own = OWN_TIME.search(text)
        text = own[1] if own else ""
    found = TIME.search(text[:NEAR])
    if not found:
        return None
    year, month, day, clock, offset = found.groups()
    try:
        written = datetime.fromisoformat(f"{year}-{month}-{day}T{clock}{offset or 'Z'}")
    except ValueError:
        return None
    return written.astimezone(UTC)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

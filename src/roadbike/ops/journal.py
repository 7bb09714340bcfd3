"""The journal of a client: one JSON line for each request to the shop and what came back.

`roadbike audit --journal FILE` compares it with the databases: what was acknowledged is there, and
what failed has left nothing behind that nobody knows of.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from roadbike.local.errors import CommandError
from roadbike.local.own import append


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request. Times are UTC.

    path: without the query. key: its Idempotency-Key. status: of the answer; 0 when there was none
    or it broke off. id: of the reservation or payment that the answer is about. body: the SHA-256
    of the answer.
    """

    user_id: str
    method: str
    path: str
    began: datetime
    ended: datetime
    status: int
    key: str | None = None
    id: str | None = None
    body: str | None = None


class Journal:
    """Appends lines to a file, which it makes readable for its owner only.

    A line is written at once: a client that is killed leaves no more than a broken last line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = append(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def note(
        self,
        user_id: str,
        method: str,
        path: str,
        began: datetime,
        *,
        status: int = 0,
        key: str | None = None,
        id_: str | None = None,
        answer: bytes | None = None,
    ) -> None:
        """Append the line of a request that has just ended; see Line."""
        line = Line(
            user_id=user_id,
            method=method,
            path=path.partition("?")[0],
            began=began,
            ended=datetime.now(UTC),
            status=status,
            key=key,
            id=id_,
            body=None if answer is None else digest(answer),
        )
        self.write(line)

    def write(self, line: Line) -> None:
        """Append a line."""
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()


def digest(answer: bytes) -> str:
    """Return what the journal keeps of an answer."""
    return sha256(answer).hexdigest()


def read(paths: Iterable[Path]) -> list[Line]:
    """Return the lines of the files; a last line that was broken off is left out.

    Raises CommandError for a file that is not a journal.
    """
    return [line for path in paths for line in _read(path)]


def _read(path: Path) -> list[Line]:
    *whole, _ = path.read_bytes().split(b"\n")
    try:
        return [msgspec.json.decode(line, type=Line) for line in whole]
    except msgspec.DecodeError as error:
        raise CommandError("journal-unreadable", path=path, error=error) from None

"""What the clients of a drill have written down, for the audit of the shop's books."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from roadbike.local.own import append
from roadbike.ops.drills.answers import Answer
from roadbike.ops.drills.load import Call
from roadbike.ops.journal import Line


def journal(
    path: Path, answers: Iterable[Answer], calls: Sequence[Call], users: Sequence[str]
) -> None:
    """Append a line for each request that may have changed something.

    calls, users: of the plan that the answers belong to.
    """
    to_utc = time.time() - time.monotonic()
    with append(path) as file:
        for answer in answers:
            call = calls[answer.call]
            if call.method != "GET":
                line = _line(answer, call, users[answer.user], to_utc)
                file.write(msgspec.json.encode(line) + b"\n")


def _line(answer: Answer, call: Call, user: str, to_utc: float) -> Line:
    ended = answer.sent + answer.ms / 1000
    return Line(
        user_id=user,
        method=call.method,
        path=call.path,
        began=datetime.fromtimestamp(answer.sent + to_utc, UTC),
        ended=datetime.fromtimestamp(ended + to_utc, UTC),
        status=max(0, answer.status),
        key=answer.key or None,
        id=answer.found or None,
    )

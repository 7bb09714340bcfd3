"""Dead letters and stuck messages, as a person sees, retries and dismisses them."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, case, func, select, true, update

from roadbike.kit.audit_log import MAX_ACTOR, MAX_WHY, OPERATOR, StaffChange, note
from roadbike.kit.db import Tx
from roadbike.kit.db.columns import utc_now
from roadbike.kit.db.rows import locking
from roadbike.kit.db.statements import Row
from roadbike.kit.messaging.parked import ALARM_ATTEMPTS, NEEDS_A_PERSON, PARKED, ParkedState
from roadbike.kit.pure.letters import DeadLetter

log = structlog.get_logger()

LISTED: Final = 1000  # letters in one answer
KIND: Final = "event"  # in the audit log, where the thing is the event's key
STUCK: Final = "stuck"  # the state that is shown for a parked message whose retries fail

_OPEN: Final = PARKED.c.state.in_([ParkedState.PARKED, ParkedState.DEAD])


async def listed(tx: Tx, *, everything: bool = False) -> tuple[Sequence[DeadLetter], int]:
    """Return up to LISTED letters, those that need a person first, and the number of all.

    everything: also the messages that wait for a retry, and the dismissed letters.
    """
    wanted = true() if everything else NEEDS_A_PERSON
    needy_first = case((NEEDS_A_PERSON, 0), else_=1)
    rows = await tx.rows(
        select(PARKED).where(wanted).order_by(needy_first, PARKED.c.seq).limit(LISTED)
    )
    total = await tx.scalar(select(func.count()).select_from(PARKED).where(wanted))
    return [await _letter(tx, row) for row in rows], int(total)


async def found(tx: Tx, id_: int) -> DeadLetter | None:
    """Return the letter with its data; None when the message was processed, or never parked."""
    row = await tx.row(select(PARKED).where(PARKED.c.seq == id_))
    return None if row is None else await _letter(tx, row, with_data=True)


async def retry(tx: Tx, ids: Collection[int] | None, by: str) -> Sequence[int]:
    """Make the letters due now, with all their attempts before them; return their ids.

    ids: None means all that need a person. Dismissed letters stay dismissed.
    """
    values = {
        "state": ParkedState.PARKED,
        "attempts": 0,
        "retry_at": utc_now(),
    }
    return await _change(tx, ids, values, "retried", by=by)


async def dismiss(tx: Tx, ids: Collection[int] | None, by: str, why: str) -> Sequence[int]:
    """Never process these letters; keep them with who decided so and why. Return their ids.

    ids: None means all that need a person.
    """
    values = {
        "state": ParkedState.DISMISSED,
        "dismissed_at": utc_now(),
        "dismissed_by": by,
        "dismissed_why": why,
    }
    return await _change(tx, ids, values, "dismissed", by=by, why=why)


async def _change(
    tx: Tx, ids: Collection[int] | None, values: dict[str, Any], action: str, **about: str
) -> Sequence[int]:
    found = select(PARKED.c.seq, PARKED.c.type, PARKED.c.key).where(_chosen(ids))
    rows = await tx.rows(locking(found.order_by(PARKED.c.seq)))
    changed = [(row["seq"], row["type"], row["key"]) for row in rows]
    among = PARKED.c.seq.in_([id_ for id_, _, _ in changed])
    await tx.execute(update(PARKED).where(among).values(values))
    for id_, type_, key in changed:
        facts = {"id": id_, "type": type_, "key": key, **about}
        tx.after_commit(partial(log.warning, f"message.{action}", **facts))
        note(tx, _logged(action, id_, type_, key, **about))
    return [id_ for id_, _, _ in changed]


def _logged(
    action: str, id_: int, type_: str, key: str, *, by: str, why: str | None = None
) -> StaffChange:
    """Return the entry of the audit log. A longer reason stands in whole beside the letter."""
    return StaffChange(
        by=f"{OPERATOR}{by}"[:MAX_ACTOR],
        kind=KIND,
        thing=key,
        action=action,
        before={},
        after={"event": type_, "letter": id_},
        why=why and why[:MAX_WHY],
    )


def _chosen(ids: Collection[int] | None) -> ColumnElement[bool]:
    return NEEDS_A_PERSON if ids is None else _OPEN & PARKED.c.seq.in_(sorted(ids))


async def _letter(tx: Tx, row: Row, *, with_data: bool = False) -> DeadLetter:
    since = row["parked_at"] or row["time"]
    is_stuck = row["state"] is ParkedState.PARKED and row["attempts"] >= ALARM_ATTEMPTS
    return DeadLetter(
        id=row["seq"],
        event_id=str(row["event_id"]),
        topic=row["topic"],
        type=row["type"],
        key=row["key"],
        state=STUCK if is_stuck else row["state"].value,
        age_seconds=max(0, int(((await tx.now()) - since).total_seconds())),
        attempts=row["attempts"],
        error=row["error"],
        dismissed_by=row["dismissed_by"],
        dismissed_why=row["dismissed_why"],
        data=bytes(row["data"]).decode(errors="replace") if with_data else None,
    )

"""What the relay reads from the outbox, and notes there; see `outbox` for the table."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Integer, bindparam, func, select

from roadbike.kit.db import Tx, bulk, lease
from roadbike.kit.db.statements import Row, Statement
from roadbike.kit.messaging.broker import Mark
from roadbike.kit.messaging.outbox import NOT_SENT, OUTBOX

LEASE_NAME: Final = "relay"
OUTBOX_RETENTION: Final = timedelta(hours=72)  # of sent events

PARTITION: Final = "#"  # between the incarnation and the number of a partition that is not 0
UNSEND_BATCH: Final = 1_000  # rows of one transaction

_NEXT: Final = Statement(
    lambda _: (
        select(OUTBOX)
        .where(NOT_SENT)
        .order_by(OUTBOX.c.seq)
        .limit(bindparam("at_most", type_=Integer))
    )
)
_NEXT_NUMBERS: Final = Statement(
    lambda _: (
        select(OUTBOX.c.seq)
        .where(NOT_SENT)
        .order_by(OUTBOX.c.seq)
        .limit(bindparam("at_most", type_=Integer))
    )
)
_NUMBERED: Final = Statement(
    lambda dialect: select(OUTBOX).where(bulk.among(dialect, OUTBOX.c.seq))
)
_SET_SENT: Final = bulk.Update(OUTBOX, "seq", ["sent_at", "incarnation", "position"])


async def next_events(tx: Tx, at_most: int) -> Sequence[Row]:
    """Return the oldest unsent events, in the order of publishing.

    Which they are, the table says; what this process has published itself is not read again.
    """
    handover = tx.db.outbox_rows
    if not handover:
        return await tx.rows(_NEXT, {"at_most": at_most})
    numbers = [row["seq"] for row in await tx.rows(_NEXT_NUMBERS, {"at_most": at_most})]
    found: dict[int, Row] = handover.get(numbers)
    if missing := [number for number in numbers if number not in found]:
        found |= {row["seq"]: row for row in await tx.rows(_NUMBERED, {"among": missing})}
    return [found[number] for number in numbers if number in found]


async def note_sent(tx: Tx, rows: Sequence[Row], marks: Sequence[Mark], epoch: int) -> None:
    """Note where the broker stored the events, unless another process has the lease by now.

    All events of a batch have the same `sent_at`, so that `seq` gives their order.
    """
    if not await lease.still_held(tx, LEASE_NAME, epoch):
        return
    now = await tx.now()
    noted = [
        {"seq": row["seq"], "sent_at": now, **columns_of(mark)}
        for row, mark in zip(rows, marks, strict=True)
    ]
    await _SET_SENT.execute(tx, noted)


async def last_sent(tx: Tx, *, before: datetime | None = None) -> Row | None:
    """Return the event that was sent last (before that time), None when there is none."""
    found = select(OUTBOX).where(
        OUTBOX.c.sent_at.is_not(None) if before is None else OUTBOX.c.sent_at < before
    )
    return await tx.row(found.order_by(OUTBOX.c.sent_at.desc(), OUTBOX.c.seq.desc()).limit(1))


def mark_of(row: Row) -> Mark:
    """Return where the broker has stored a sent event."""
    incarnation, _, partition = row["incarnation"].partition(PARTITION)
    return Mark(position=row["position"], incarnation=incarnation, partition=int(partition or "0"))


def columns_of(mark: Mark) -> dict[str, Any]:
    """Return the mark as the outbox stores it; `incarnation` also names a partition but 0."""
    partition = f"{PARTITION}{mark.partition}" if mark.partition else ""
    return {"incarnation": f"{mark.incarnation}{partition}", "position": mark.position}


async def unsend_some(tx: Tx, *, after: int, epoch: int) -> int | None:
    """Make the first sent events behind that `seq` unsent; return the last `seq` of them.

    It is None when there are none, or when another process has the lease by now. After a crash in
    between, the marks that are left are still those of the lost log.
    """
    if not await lease.still_held(tx, LEASE_NAME, epoch):
        return None
    is_sent = OUTBOX.c.sent_at.is_not(None)
    found = select(OUTBOX.c.seq).where(OUTBOX.c.seq > after, is_sent).order_by(OUTBOX.c.seq)
    rows = await tx.rows(found.limit(UNSEND_BATCH))
    unsent = {"sent_at": None, "incarnation": None, "position": None}
    await _SET_SENT.execute(tx, [{"seq": row["seq"], **unsent} for row in rows])
    return rows[-1]["seq"] if rows else None


async def count(tx: Tx) -> dict[str, int]:
    """Return `published`, the number of all events so far, and `unsent`, those not sent yet.

    `unsent_seconds` is the age of the oldest of the latter.
    """
    published = select(func.coalesce(func.max(OUTBOX.c.seq), 0)).scalar_subquery()
    unsent = select(func.count()).select_from(OUTBOX).where(NOT_SENT).scalar_subquery()
    oldest = select(func.min(OUTBOX.c.time)).where(NOT_SENT).scalar_subquery()
    # one statement, so that all numbers belong to the same moment
    row = await tx.row(
        select(published.label("published"), unsent.label("unsent"), oldest.label("oldest"))
    )
    assert row is not None
    counts = dict(row)
    begin = counts.pop("oldest")
    age = 0 if begin is None else ((await tx.now()) - begin).total_seconds()
    return {**counts, "unsent_seconds": max(0, int(age))}


async def delete_sent(tx: Tx) -> bool:
    """Delete some sent events older than OUTBOX_RETENTION; return whether more may be left.

    Until then they can fill a broker's log again that was lost.
    """
    limit = (await tx.now()) - OUTBOX_RETENTION
    return await bulk.delete_some(tx, OUTBOX, OUTBOX.c.sent_at < limit)

"""What the relay reads from the outbox, and notes there; see `outbox` for the table."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import RowMapping, func, select

from roadbike.kit.db import Tx, bulk, lease
from roadbike.kit.db.columns import utc_now
from roadbike.kit.messaging.broker import Mark
from roadbike.kit.messaging.outbox import NOT_SENT, OUTBOX

LEASE_NAME: Final = "relay"
OUTBOX_RETENTION: Final = timedelta(hours=72)  # of sent events

_NOTE_SENT: Final = bulk.Update(
    OUTBOX, "seq", ["incarnation", "position"], common={"sent_at": utc_now()}
)


async def next_events(tx: Tx, at_most: int) -> Sequence[RowMapping]:
    """Return the oldest unsent events, in the order of publishing."""
    return await tx.rows(select(OUTBOX).where(NOT_SENT).order_by(OUTBOX.c.seq).limit(at_most))


async def note_sent(tx: Tx, rows: Sequence[RowMapping], marks: Sequence[Mark], epoch: int) -> None:
    """Note where the broker stored the events, unless another process has the lease by now."""
    if await lease.still_held(tx, LEASE_NAME, epoch):
        await _NOTE_SENT.execute(
            tx,
            [
                {"seq": row["seq"], "incarnation": mark.incarnation, "position": mark.position}
                for row, mark in zip(rows, marks, strict=True)
            ],
        )


async def count(tx: Tx) -> dict[str, int]:
    """Return `published`, the number of all events so far, and `unsent`, those not sent yet."""
    published = select(func.coalesce(func.max(OUTBOX.c.seq), 0)).scalar_subquery()
    unsent = select(func.count()).select_from(OUTBOX).where(NOT_SENT).scalar_subquery()
    # one statement, so that both numbers belong to the same moment
    row = await tx.row(select(published.label("published"), unsent.label("unsent")))
    assert row is not None
    return dict(row)


async def delete_sent(tx: Tx) -> bool:
    """Delete some sent events older than OUTBOX_RETENTION; return whether more may be left.

    Until then they can fill a broker's log again that was lost.
    """
    limit = (await tx.now()) - OUTBOX_RETENTION
    return await bulk.delete_some(tx, OUTBOX.c.seq, OUTBOX.c.sent_at < limit)

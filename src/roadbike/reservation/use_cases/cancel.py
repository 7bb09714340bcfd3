"""Cancel a reservation for its buyer or for staff. Cancels that events cause are in follow.py."""

from uuid import UUID

from roadbike.contracts.audit import RESERVATION, staff_change
from roadbike.contracts.reasons import Reason
from roadbike.kit.audit_log import note
from roadbike.kit.db import Tx
from roadbike.kit.pure.refusals import ForeignObject, NotFound
from roadbike.reservation import domain, store
from roadbike.reservation.domain import Reservation
from roadbike.reservation.use_cases.settle import settle


async def cancel_reservation(
    tx: Tx,
    reservation_id: UUID,
    reason: Reason,
    *,
    by: str,
    owner: str | None = None,
    why: str | None = None,
) -> Reservation:
    """Cancel the reservation; return it unchanged when it is cancelled already.

    by: the user id of the buyer or of staff.
    owner: the buyer whose reservation it must be; None for staff. why: what staff give as reason.
    Raises NotFound, AlreadyShipped, AlreadyDelivered.
    """
    reservation = await store.locked_or_404(tx, reservation_id)
    if not reservation.registered:
        raise NotFound
    if owner not in {None, reservation.user_id}:
        raise ForeignObject
    if domain.is_cancelled(reservation):
        return reservation
    domain.check_cancellable(reservation)
    cancelled = await settle(tx, domain.to_cancel(reservation, reason, by))
    if reason is Reason.STAFF:
        entry = staff_change(
            by=by,
            kind=RESERVATION,
            thing=reservation_id,
            action="cancelled",
            before=reservation,
            after=cancelled,
            fields=("reservation_status",),
            why=why,
        )
        note(tx, entry)
    return cancelled

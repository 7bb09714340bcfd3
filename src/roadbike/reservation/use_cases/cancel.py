"""Cancel a reservation for its buyer or for staff. Cancels that events cause are in follow.py."""

from uuid import UUID

from roadbike.contracts.reasons import Reason
from roadbike.kit.db import Tx
from roadbike.kit.pure.refusals import NotFound
from roadbike.reservation import domain, store
from roadbike.reservation.domain import Reservation
from roadbike.reservation.use_cases.settle import settle


async def cancel_reservation(
    tx: Tx, reservation_id: UUID, reason: Reason, *, owner: str | None = None
) -> Reservation:
    """Cancel the reservation; return it unchanged when it is cancelled already.

    owner: the buyer whose reservation it must be; None for staff.
    Raises NotFound, AlreadyShipped, AlreadyDelivered.
    """
    reservation = await store.locked_or_404(tx, reservation_id)
    if not reservation.registered or owner not in {None, reservation.user_id}:
        raise NotFound
    if domain.is_cancelled(reservation):
        return reservation
    domain.check_cancellable(reservation)
    return await settle(tx, domain.to_cancel(reservation, reason))

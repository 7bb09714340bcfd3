"""Refusals that several services answer with."""

from collections.abc import Mapping
from uuid import UUID

from roadbike.kit.pure.refusals import NO_MEMBERS, Refusal


class CancelsWithReservation(Refusal):
    """A payment or a delivery is cancelled by cancelling its reservation.

    reservation_id: the one to cancel instead. extra: members of the answer, for its `_links`.
    """

    slug = "cancels-with-reservation"
    status = 409

    def __init__(self, reservation_id: UUID, *, extra: Mapping[str, object] = NO_MEMBERS) -> None:
        super().__init__(extra=extra)
        self.reservation_id = reservation_id

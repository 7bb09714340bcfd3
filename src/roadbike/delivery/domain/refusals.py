"""Why a delivery is not changed as asked."""

from collections.abc import Sequence

from roadbike.kit.pure.refusals import Refusal


class NotAllocated(Refusal):
    """Stock holds no unit for the reservation yet, so nothing may leave the shop."""

    slug = "not-allocated"
    status = 409


class NoAddress(Refusal):
    """Nobody knows yet who the parcel goes to or where; `missing` names the fields."""

    slug = "no-address"
    status = 409

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(extra={"missing": list(missing)}, missing=", ".join(missing))


class AddressFixed(Refusal):
    """The parcel has left the shop or was cancelled: who it goes to and where stays as it is."""

    slug = "address-fixed"
    status = 409


class ParcelCancelled(Refusal):
    """A parcel that was cancelled gets no label."""

    slug = "parcel-cancelled"
    status = 409


class IllegalMove(Refusal):
    """The lifecycle does not allow the move; the answer names both statuses and what is allowed."""

    slug = "illegal-move"
    status = 409


class NoMoreMoves(IllegalMove):
    """The parcel's status is final."""

    slug = "no-more-moves"

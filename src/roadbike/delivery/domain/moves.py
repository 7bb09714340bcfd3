"""How people change a delivery: its status and label, and who it goes to and where."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from roadbike.contracts.accounts import Contact
from roadbike.contracts.events import (
    AnyDeliveryEvent,
    DeliveryCompleted,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.refusals import CancelsWithReservation
from roadbike.contracts.statuses import DeliveryStatus
from roadbike.contracts.wire_names import wire_name
from roadbike.delivery.domain.delivery import CONTACT, LIFECYCLE, Delivery, stepped
from roadbike.delivery.domain.refusals import (
    AddressFixed,
    IllegalMove,
    NoAddress,
    NoMoreMoves,
    NotAllocated,
    ParcelCancelled,
)


def moved(
    delivery: Delivery, to: DeliveryStatus, now: datetime, *, by: str
) -> tuple[Delivery, list[AnyDeliveryEvent]]:
    """Move the parcel on for staff; the status that it has already changes nothing.

    by: the user id of the staff member.
    Raises IllegalMove, NotAllocated, NoAddress, CancelsWithReservation.
    """
    if delivery.delivery_status is to:
        return delivery, []
    _check(delivery, to)
    there = stepped(delivery, to)
    sent = replace(there, delivered_at=now)
    match to:
        case DeliveryStatus.STARTED:
            return sent, [DeliveryStarted.of(sent, by=by)]
        case DeliveryStatus.COMPLETED:
            return sent, [DeliveryCompleted.of(sent, by=by)]
        case DeliveryStatus.RECALLING:
            return there, [DeliveryRecalled.of(there, reason=Reason.STAFF, by=by)]
        case DeliveryStatus.RETURNED:
            return there, [DeliveryReturned.of(there, by=by)]
        case DeliveryStatus.PREPARING | DeliveryStatus.CANCELLED:
            raise AssertionError(to)  # refused by _check
        case _:
            assert_never(to)


def labelled(delivery: Delivery, carrier: str | None, tracking_number: str | None) -> Delivery:
    """Return the delivery with this label; what is None stays as it is. Raises ParcelCancelled."""
    labelled = replace(
        delivery,
        carrier=carrier or delivery.carrier,
        tracking_number=tracking_number or delivery.tracking_number,
    )
    if labelled != delivery and delivery.delivery_status is DeliveryStatus.CANCELLED:
        raise ParcelCancelled
    return labelled


def corrected(delivery: Delivery, contact: Contact) -> Delivery:
    """Return the delivery with this contact; what is None stays as it is. Raises AddressFixed."""
    known = {name: getattr(contact, name) or getattr(delivery, name) for name in CONTACT}
    after = replace(delivery, **known)
    if after != delivery and not may_be_corrected(delivery):
        raise AddressFixed
    return after


def completed(delivery: Delivery, contact: Contact) -> Delivery:
    """Return the delivery with what it lacks taken from the buyer's account."""
    if not may_be_corrected(delivery):
        return delivery
    known = {name: getattr(delivery, name) or getattr(contact, name) for name in CONTACT}
    return replace(delivery, **known)


def may_be_corrected(delivery: Delivery) -> bool:
    """Return whether who it goes to and where can still be changed."""
    return delivery.delivery_status is DeliveryStatus.PREPARING


def missing(delivery: Delivery) -> list[str]:
    """Return the fields of the contact that a parcel needs and that are not known."""
    return [name for name in CONTACT if not getattr(delivery, name)]


def lacks_contact(delivery: Delivery) -> bool:
    """Return whether the parcel still needs a contact that is not known."""
    return may_be_corrected(delivery) and bool(missing(delivery))


def next_moves(delivery: Delivery) -> set[DeliveryStatus]:
    """Return the statuses that staff may move it to."""
    if delivery.delivery_status is None:
        return set()
    moves = set(LIFECYCLE.steps.get(delivery.delivery_status, ()))
    ready = delivery.is_allocated and not missing(delivery)
    barred = set() if ready else {DeliveryStatus.STARTED}
    return moves - barred - {DeliveryStatus.CANCELLED}


def _illegal(delivery: Delivery, to: DeliveryStatus) -> IllegalMove:
    status, moves = delivery.delivery_status, next_moves(delivery)
    allowed = [each for each in DeliveryStatus if each in moves]
    kind = IllegalMove if allowed else NoMoreMoves
    extra = {"deliveryStatus": status, "wanted": to, "allowed": allowed}
    return kind(now=status, to=to, allowed=", ".join(allowed), extra=extra)


def _check(delivery: Delivery, to: DeliveryStatus) -> None:
    if to is DeliveryStatus.CANCELLED:
        raise CancelsWithReservation(delivery.reservation_id)
    status = delivery.delivery_status
    if status is None or not LIFECYCLE.allows(status, to):
        raise _illegal(delivery, to)
    if to is not DeliveryStatus.STARTED:
        return
    if not delivery.is_allocated:
        raise NotAllocated
    if lacking := missing(delivery):
        raise NoAddress([wire_name(name) for name in lacking])

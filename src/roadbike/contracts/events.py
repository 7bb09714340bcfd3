"""Every event that crosses a service boundary, grouped by the service that publishes it.

An event carries the fields of its aggregate as they are after the change, its version, and the
reason if it has one. Fields are only added, never renamed or removed, and a new field has a
default. Money is whole KRW, times are UTC.

by: the id of the user who asked for the change, a buyer or staff; None when the service itself did
it, because of an event or a time. It is for services only: buyers never see the ids of staff.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.pure.events import Event


class ShopEvent(Event, frozen=True, kw_only=True, rename=wire_name):
    """The base of every event of the shop: CloudEvents types begin with `bike.`."""

    namespace: ClassVar[str] = "bike"


class PurchaseEvent(ShopEvent, frozen=True, kw_only=True):
    """The base of the events about one purchase; `reservation_id` identifies the purchase."""

    reservation_id: UUID
    bike_id: int

    @property
    def key(self) -> str:
        """Return the reservation's id."""
        return str(self.reservation_id)


# stock: the bikes ------------------------------------------------------------------------


class BikeEvent(ShopEvent, frozen=True, kw_only=True):
    """A bike of the catalogue, as it is after the change.

    price: KRW. stock_quantity: units in the shop, those held for buyers (held_quantity) included.
    bike_version: counts the changes of everything but held_quantity; it is the bike's ETag.
    free: units that can still be reserved; free_seq grows by one with each change of `free`.
    """

    kind: ClassVar[str] = "bike"
    topic: ClassVar[str] = "bike.stock"
    source: ClassVar[str] = "stock"

    bike_id: int
    bike_name: str
    price: int
    stock_quantity: int
    held_quantity: int
    brand: str | None = None
    frame_size: str | None = None
    colour: str | None = None
    description: str | None = None
    bike_version: int
    free: int
    free_seq: int
    by: str | None = None

    @property
    def key(self) -> str:
        """Return the bike's number in the catalogue."""
        return str(self.bike_id)


class StockRegistered(BikeEvent, frozen=True, kw_only=True):
    """A bike was put on sale, for the first time or again."""


class StockChanged(BikeEvent, frozen=True, kw_only=True):
    """The quantity, price or text of a bike on sale changed."""


class StockRemoved(BikeEvent, frozen=True, kw_only=True):
    """A bike was withdrawn from sale, or a withdrawn bike changed."""


# stock: the units held for purchases -----------------------------------------------------


class AllocationEvent(PurchaseEvent, frozen=True, kw_only=True):
    """The unit of a bike that a reservation asks stock for.

    bike_version, free and free_seq as in BikeEvent.
    """

    kind: ClassVar[str] = "allocation"
    topic: ClassVar[str] = "bike.stock"
    source: ClassVar[str] = "stock"

    stock_status: StockStatus
    reason: Reason | None = None
    bike_version: int
    free: int
    free_seq: int


class StockAllocated(AllocationEvent, frozen=True, kw_only=True):
    """One unit is held for the reservation."""


class StockShort(AllocationEvent, frozen=True, kw_only=True):
    """The bike is sold out: the reservation gets no unit. Final."""


class StockReleased(AllocationEvent, frozen=True, kw_only=True):
    """The reservation's unit is free again, or was never held because the cancel came first."""


# reservation -----------------------------------------------------------------------------


class ReservationEvent(PurchaseEvent, frozen=True, kw_only=True):
    """A reservation of one unit.

    price: KRW, fixed when the bike was reserved. bike_version: of the bike that it was read from.
    store_name: where the bike is reserved. reserved_at: UTC.
    """

    kind: ClassVar[str] = "reservation"
    topic: ClassVar[str] = "bike.reservation"
    source: ClassVar[str] = "reservation"

    bike_name: str
    user_id: str
    user_name: str | None = None
    store_name: str
    reserved_at: datetime
    reservation_status: ReservationStatus
    price: int
    zip_code: str | None = None
    address: str | None = None
    phone: str | None = None
    bike_version: int


class ReservationRegistered(ReservationEvent, frozen=True, kw_only=True):
    """A bike was reserved and its payment opened.

    reserve_seq: numbers the reservations; stock serves lower ones first when it has a backlog.
    """

    reserve_seq: int


class ReservationCancelled(ReservationEvent, frozen=True, kw_only=True):
    """A reservation was cancelled.

    registered: False when ReservationRegistered was never published for it; then only payment has
    something to undo.
    """

    registered: bool
    reason: Reason
    by: str | None = None


# payment ---------------------------------------------------------------------------------


class PaymentEvent(PurchaseEvent, frozen=True, kw_only=True):
    """The payment of a reservation. price: KRW."""

    kind: ClassVar[str] = "payment"
    topic: ClassVar[str] = "bike.payment"
    source: ClassVar[str] = "payment"

    payment_id: UUID
    user_id: str
    price: int
    payment_status: PaymentStatus
    reason: Reason | None = None


class PaymentOpened(PaymentEvent, frozen=True, kw_only=True):
    """The payment was created; the buyer can pay until then (UTC; older events do not say it)."""

    pay_until: datetime | None = None


class PaymentConfirming(PaymentEvent, frozen=True, kw_only=True):
    """A capture was begun; the provider's answer is not known yet."""


class PaymentDeclined(PaymentEvent, frozen=True, kw_only=True):
    """The provider declined; the buyer can try again."""


class PaymentApproved(PaymentEvent, frozen=True, kw_only=True):
    """The provider captured the money."""


class PaymentRefunding(PaymentEvent, frozen=True, kw_only=True):
    """The money is being refunded."""


class PaymentCancelled(PaymentEvent, frozen=True, kw_only=True):
    """The payment was voided before it was paid, or the money was refunded."""


class PaymentExpired(PaymentEvent, frozen=True, kw_only=True):
    """The payment was cancelled because the buyer did not pay in time."""


# delivery --------------------------------------------------------------------------------


class DeliveryEvent(PurchaseEvent, frozen=True, kw_only=True):
    """The parcel of a reservation.

    delivery_id and delivery_status are absent when no parcel was ever prepared.
    delivered_at: UTC, when the parcel was last sent or handed over.
    """

    kind: ClassVar[str] = "delivery"
    topic: ClassVar[str] = "bike.delivery"
    source: ClassVar[str] = "delivery"

    delivery_id: UUID | None = None
    payment_id: UUID | None = None
    user_id: str | None = None
    user_name: str | None = None
    zip_code: str | None = None
    address: str | None = None
    phone: str | None = None
    delivery_status: DeliveryStatus | None = None
    delivered_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    reason: Reason | None = None


class DeliveryPrepared(DeliveryEvent, frozen=True, kw_only=True):
    """The reservation is registered and paid: the shop prepares the parcel."""


class DeliveryStarted(DeliveryEvent, frozen=True, kw_only=True):
    """The bike left the shop."""

    by: str | None = None


class DeliveryCompleted(DeliveryEvent, frozen=True, kw_only=True):
    """The bike arrived at the buyer."""

    by: str | None = None


class DeliveryCancelled(DeliveryEvent, frozen=True, kw_only=True):
    """The bike did not leave the shop and will not: stock can free its unit."""


class DeliveryRecalled(DeliveryEvent, frozen=True, kw_only=True):
    """The bike was called back and is on its way to the shop."""

    by: str | None = None


class DeliveryReturned(DeliveryEvent, frozen=True, kw_only=True):
    """The bike came back to the shop."""

    by: str | None = None


AnyBikeEvent = StockRegistered | StockChanged | StockRemoved
AnyAllocationEvent = StockAllocated | StockShort | StockReleased
AnyReservationEvent = ReservationRegistered | ReservationCancelled
AnyPaymentEvent = (
    PaymentOpened
    | PaymentConfirming
    | PaymentDeclined
    | PaymentApproved
    | PaymentRefunding
    | PaymentCancelled
    | PaymentExpired
)
AnyDeliveryEvent = (
    DeliveryPrepared
    | DeliveryStarted
    | DeliveryCompleted
    | DeliveryCancelled
    | DeliveryRecalled
    | DeliveryReturned
)
AnyPurchaseEvent = AnyAllocationEvent | AnyReservationEvent | AnyPaymentEvent | AnyDeliveryEvent
AnyEvent = AnyBikeEvent | AnyPurchaseEvent

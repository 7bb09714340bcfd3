"""Every event that crosses a service boundary, grouped by the service that tells it.

An event carries its aggregate's wire fields as they are after it, its version, and the reason
where there is one. Fields are only ever added, with defaults.
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
    namespace: ClassVar[str] = "bike"


class PurchaseEvent(ShopEvent, frozen=True, kw_only=True):
    """One of the steps of a purchase; the reservation's id is the thread through all of them."""

    reservation_id: UUID
    bike_id: int

    @property
    def key(self) -> str:
        """The reservation's id."""
        return str(self.reservation_id)


# stock: the bikes ------------------------------------------------------------------------


class BikeEvent(ShopEvent, frozen=True, kw_only=True):
    """What the catalogue has to know of a bike. `price` in KRW.

    bike_version: of price and name, and the ETag of the bike.
    free: units that may still be reserved; free_seq goes up by one at each change of it.
    """

    kind: ClassVar[str] = "bike"
    topic: ClassVar[str] = "bike.stock"

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

    @property
    def key(self) -> str:
        """The bike's number in the catalogue."""
        return str(self.bike_id)


class StockRegistered(BikeEvent, frozen=True, kw_only=True):
    """A bike is on sale: new in the catalogue, or back in it."""


class StockChanged(BikeEvent, frozen=True, kw_only=True):
    """Quantity, price or text of a bike were changed."""


class StockRemoved(BikeEvent, frozen=True, kw_only=True):
    """A bike was withdrawn from sale."""


# stock: the units held for purchases -----------------------------------------------------


class AllocationEvent(PurchaseEvent, frozen=True, kw_only=True):
    """Stock's answer to a reservation. The last three fields as in BikeEvent."""

    kind: ClassVar[str] = "allocation"
    topic: ClassVar[str] = "bike.stock"

    stock_status: StockStatus
    reason: Reason | None = None
    bike_version: int
    free: int
    free_seq: int


class StockAllocated(AllocationEvent, frozen=True, kw_only=True):
    """One unit is held for the reservation."""


class StockShort(AllocationEvent, frozen=True, kw_only=True):
    """No unit is left for it; final."""


class StockReleased(AllocationEvent, frozen=True, kw_only=True):
    """Its unit is free again, or none will be held because it was cancelled before."""


# reservation -----------------------------------------------------------------------------


class ReservationEvent(PurchaseEvent, frozen=True, kw_only=True):
    """`price` in KRW, frozen at the reservation; bike_version: the catalogue's it was read at."""

    kind: ClassVar[str] = "reservation"
    topic: ClassVar[str] = "bike.reservation"

    bike_name: str
    user_id: str
    user_name: str | None = None
    store_name: str
    reserved_at: datetime
    reservation_status: ReservationStatus
    price: int
    zip_code: str | None = None
    address: str | None = None
    bike_version: int


class ReservationRegistered(ReservationEvent, frozen=True, kw_only=True):
    """A bike is reserved. reserve_seq: the order in which stock grants when it was behind."""

    reserve_seq: int


class ReservationCancelled(ReservationEvent, frozen=True, kw_only=True):
    """registered: False when it never got past an intent, so that nobody else ever saw it."""

    registered: bool
    reason: Reason


# payment ---------------------------------------------------------------------------------


class PaymentEvent(PurchaseEvent, frozen=True, kw_only=True):
    """`price` in KRW."""

    kind: ClassVar[str] = "payment"
    topic: ClassVar[str] = "bike.payment"

    payment_id: UUID
    user_id: str
    price: int
    payment_status: PaymentStatus
    reason: Reason | None = None


class PaymentOpened(PaymentEvent, frozen=True, kw_only=True):
    """The buyer may pay now."""


class PaymentConfirming(PaymentEvent, frozen=True, kw_only=True):
    """The provider was asked for the money; its answer is not known yet."""


class PaymentDeclined(PaymentEvent, frozen=True, kw_only=True):
    """The provider said no; the buyer may try again."""


class PaymentApproved(PaymentEvent, frozen=True, kw_only=True):
    """The money is ours."""


class PaymentRefunding(PaymentEvent, frozen=True, kw_only=True):
    """The money is on its way back."""


class PaymentCancelled(PaymentEvent, frozen=True, kw_only=True):
    """Voided before it was paid, or refunded."""


class PaymentExpired(PaymentEvent, frozen=True, kw_only=True):
    """Not paid in time, and cancelled for it."""


# delivery --------------------------------------------------------------------------------


class DeliveryEvent(PurchaseEvent, frozen=True, kw_only=True):
    """Without delivery_id and delivery_status when no parcel was ever prepared."""

    kind: ClassVar[str] = "delivery"
    topic: ClassVar[str] = "bike.delivery"

    delivery_id: UUID | None = None
    payment_id: UUID | None = None
    user_id: str | None = None
    user_name: str | None = None
    zip_code: str | None = None
    address: str | None = None
    delivery_status: DeliveryStatus | None = None
    delivered_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    reason: Reason | None = None


class DeliveryPrepared(DeliveryEvent, frozen=True, kw_only=True):
    """Registered and paid: the parcel is being made ready."""


class DeliveryStarted(DeliveryEvent, frozen=True, kw_only=True):
    """The bike has left the shop."""


class DeliveryCompleted(DeliveryEvent, frozen=True, kw_only=True):
    """The bike has arrived."""


class DeliveryCancelled(DeliveryEvent, frozen=True, kw_only=True):
    """The bike does not leave, and will not: its unit may be freed."""


class DeliveryRecalled(DeliveryEvent, frozen=True, kw_only=True):
    """The bike is on its way back."""


class DeliveryReturned(DeliveryEvent, frozen=True, kw_only=True):
    """The bike is back in the shop."""


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

"""The events of one purchase, as the services publish them, for tests to use in any order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from roadbike.contracts.events import (
    DeliveryCancelled,
    DeliveryCompleted,
    DeliveryPrepared,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
    PaymentApproved,
    PaymentCancelled,
    PaymentConfirming,
    PaymentDeclined,
    PaymentExpired,
    PaymentOpened,
    PaymentRefunding,
    ReservationCancelled,
    ReservationRegistered,
    StockAllocated,
    StockReleased,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.kit.db.ids import new_id

NOON: Final = datetime(2026, 11, 24, 3, tzinfo=UTC)  # in Seoul
PAY_WITHIN: Final = timedelta(minutes=30)
LATER: Final = datetime(2026, 11, 24, 9, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Story:
    """One purchase; each method returns an event about it."""

    user_id: str = "alice"
    bike_id: int = 1
    price: int = 5_100_000
    reserved_at: datetime = NOON
    reservation_id: UUID = field(default_factory=new_id)
    payment_id: UUID = field(default_factory=new_id)
    delivery_id: UUID = field(default_factory=new_id)

    def registered(self) -> ReservationRegistered:
        facts = self._reservation(ReservationStatus.RESERVED)
        return ReservationRegistered(**facts, version=1, reserve_seq=1)

    def cancelled(
        self, *, registered: bool = True, reason: Reason = Reason.BUYER, version: int = 2
    ) -> ReservationCancelled:
        facts = self._reservation(ReservationStatus.CANCELLED)
        facts["by"] = self.user_id if reason is Reason.BUYER else None
        return ReservationCancelled(**facts, version=version, registered=registered, reason=reason)

    def allocated(self) -> StockAllocated:
        return StockAllocated(**self._allocation(StockStatus.ALLOCATED), version=1)

    def short(self) -> StockShort:
        facts = self._allocation(StockStatus.SHORT)
        return StockShort(**facts, version=1, reason=Reason.SOLD_OUT)

    def released(self, version: int = 2) -> StockReleased:
        facts = self._allocation(StockStatus.RELEASED)
        return StockReleased(**facts, version=version, reason=Reason.NOT_SENT)

    def opened(self) -> PaymentOpened:
        facts = self._payment(PaymentStatus.DUE)
        return PaymentOpened(**facts, version=1, pay_until=self.reserved_at + PAY_WITHIN)

    def confirming(self, version: int = 2) -> PaymentConfirming:
        return PaymentConfirming(**self._payment(PaymentStatus.CONFIRMING), version=version)

    def declined(self, version: int = 3) -> PaymentDeclined:
        return PaymentDeclined(**self._payment(PaymentStatus.DUE), version=version)

    def approved(self, version: int = 3) -> PaymentApproved:
        return PaymentApproved(**self._payment(PaymentStatus.PAID), version=version)

    def refunding(self, version: int = 4) -> PaymentRefunding:
        return PaymentRefunding(**self._payment(PaymentStatus.REFUNDING), version=version)

    def payment_cancelled(self, version: int = 5) -> PaymentCancelled:
        facts = self._payment(PaymentStatus.CANCELLED)
        return PaymentCancelled(**facts, version=version, reason=Reason.RESERVATION_CANCELLED)

    def expired(self, version: int = 2) -> PaymentExpired:
        facts = self._payment(PaymentStatus.CANCELLED)
        return PaymentExpired(**facts, version=version, reason=Reason.UNPAID)

    def prepared(self) -> DeliveryPrepared:
        return DeliveryPrepared(**self._delivery(DeliveryStatus.PREPARING), version=1)

    def started(self) -> DeliveryStarted:
        facts = self._delivery(DeliveryStatus.STARTED)
        return DeliveryStarted(
            **facts, version=2, delivered_at=NOON, carrier="한빛택배", tracking_number="6012-3345"
        )

    def completed(self) -> DeliveryCompleted:
        facts = self._delivery(DeliveryStatus.COMPLETED)
        return DeliveryCompleted(**facts, version=3, delivered_at=LATER)

    def recalled(self, version: int = 4) -> DeliveryRecalled:
        facts = self._delivery(DeliveryStatus.RECALLING)
        return DeliveryRecalled(**facts, version=version, delivered_at=LATER, reason=Reason.STAFF)

    def returned(self, version: int = 5) -> DeliveryReturned:
        facts = self._delivery(DeliveryStatus.RETURNED)
        return DeliveryReturned(**facts, version=version, delivered_at=LATER)

    def delivery_cancelled(self, version: int = 2) -> DeliveryCancelled:
        facts = self._delivery(DeliveryStatus.CANCELLED)
        return DeliveryCancelled(**facts, version=version, reason=Reason.RESERVATION_CANCELLED)

    def never_prepared(self) -> DeliveryCancelled:
        return DeliveryCancelled(**self._ids(), version=1, reason=Reason.RESERVATION_CANCELLED)

    def _ids(self) -> dict[str, Any]:
        return {"reservation_id": self.reservation_id, "bike_id": self.bike_id}

    def _reservation(self, status: ReservationStatus) -> dict[str, Any]:
        return self._ids() | {
            "bike_name": "TREK Emonda",
            "user_id": self.user_id,
            "user_name": "김하나",
            "store_name": "분당야탑점",
            "reserved_at": self.reserved_at,
            "reservation_status": status,
            "price": self.price,
            "zip_code": "13497",
            "address": "성남시 분당구 야탑로 1",
            "phone": "010-1234-5678",
            "bike_version": 1,
        }

    def _allocation(self, status: StockStatus) -> dict[str, Any]:
        return self._ids() | {"stock_status": status, "bike_version": 1, "free": 3, "free_seq": 7}

    def _payment(self, status: PaymentStatus) -> dict[str, Any]:
        return self._ids() | {
            "payment_id": self.payment_id,
            "user_id": self.user_id,
            "price": self.price,
            "payment_status": status,
        }

    def _delivery(self, status: DeliveryStatus) -> dict[str, Any]:
        return self._ids() | {
            "delivery_id": self.delivery_id,
            "payment_id": self.payment_id,
            "user_id": self.user_id,
            "user_name": "김하나",
            "zip_code": "13497",
            "address": "성남시 분당구 야탑로 1",
            "phone": "010-1234-5678",
            "delivery_status": status,
        }

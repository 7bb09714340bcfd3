"""A purchase in the buyer's words: what happened, how it stands, what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import structs

from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.translations import Text
from roadbike.storefront import wording
from roadbike.storefront.wording import Standing
from roadbike.storefront.words import Words


class Link(msgspec.Struct, frozen=True):
    href: str


class Recipient(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """Who a parcel goes to, as delivery gives it."""

    user_name: str | None = None
    zip_code: str | None = None
    address: str | None = None


class Purchase(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A purchase as my page gives it."""

    reservation_id: str
    bike_id: int
    bike_name: str
    user_name: str | None = None
    store_name: str
    reserved_at: datetime
    reservation_status: ReservationStatus
    price: int
    zip_code: str | None = None
    address: str | None = None
    payment_id: str | None = None
    payment_status: PaymentStatus | None = None
    pay_until: datetime | None = None
    delivery_id: str | None = None
    delivery_status: DeliveryStatus | None = None
    delivered_at: datetime | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    stock_status: StockStatus = StockStatus.WAITING
    links: dict[str, Link] = {}

    @property
    def id(self) -> UUID:
        return UUID(self.reservation_id)

    @property
    def is_cancelled(self) -> bool:
        return self.reservation_status is ReservationStatus.CANCELLED

    @property
    def is_moving(self) -> bool:
        """Return whether something more will happen by itself."""
        if self.is_cancelled:
            return self.payment_status is not PaymentStatus.CANCELLED
        return self.delivery_status is not DeliveryStatus.COMPLETED


class Step(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """One event of a purchase. at: UTC."""

    event: str
    reservation_status: ReservationStatus | None = None
    stock_status: StockStatus | None = None
    payment_status: PaymentStatus | None = None
    delivery_status: DeliveryStatus | None = None
    reason: str | None = None
    by: str | None = None
    at: datetime

    @property
    def key(self) -> str:
        """Return a key that no other event of the purchase has."""
        return f"{self.event}-{self.at.timestamp():.6f}"

    @property
    def status(self) -> str:
        """Return the status that the event set."""
        known = (
            *(self.delivery_status, self.payment_status),
            *(self.stock_status, self.reservation_status),
        )
        return next((str(status) for status in known if status), "")


def said(step: Step, words: Words, purchase: Purchase, steps: Sequence[Step]) -> tuple[str, str]:
    """Return the two lines about an event: what happened, and what that means."""
    if step.event == "PaymentCancelled" and was_paid(steps):
        return words.t("전액 환불했습니다", "Refunded in full"), words.money(purchase.price)
    text = wording.SAID.get(step.event)
    first = step.event if text is None else text.in_(words.language)
    return first, _meaning(step, words, purchase)


def _meaning(step: Step, words: Words, purchase: Purchase) -> str:
    amount, shop = words.money(purchase.price), purchase.store_name
    match step.event:
        case "ReservationRegistered":
            return words.t(
                f"가격이 {amount}으로 고정되었습니다.", f"The price is fixed at {amount}."
            )
        case "PaymentApproved":
            return amount
        case "PaymentOpened" if purchase.pay_until:
            until = words.minute(purchase.pay_until)
            return words.t(f"{until}까지 결제하실 수 있습니다.", f"It can be paid until {until}.")
        case "StockAllocated":
            return words.t(f"{shop} 재고에서 배정했습니다.", f"From the stock of {shop}.")
        case "ReservationCancelled" if step.reason and step.reason in wording.BECAUSE:
            return wording.BECAUSE[step.reason].in_(words.language)
        case _:
            detail = wording.DETAIL.get(step.event)
            return "" if detail is None else detail.in_(words.language)


def in_order(steps: Sequence[Step], reserved_at: datetime) -> Sequence[Step]:
    """Return the steps, oldest first; that of the reservation has the time of the reservation.

    Its event is published when the payment is open, so it comes after that of the payment.
    """
    dated = [
        structs.replace(step, at=min(step.at, reserved_at))
        if step.event == "ReservationRegistered"
        else step
        for step in steps
    ]
    return sorted(dated, key=lambda step: step.at)


def was_paid(steps: Sequence[Step]) -> bool:
    """Return whether the buyer's money was taken at some time."""
    paid = {"PaymentApproved", "PaymentRefunding"}
    return any(step.event in paid for step in steps)


def standing(purchase: Purchase, steps: Sequence[Step]) -> Standing:
    """Return how the purchase stands."""
    if purchase.is_cancelled:
        return _cancelled(purchase, steps)
    if purchase.delivery_status and purchase.delivery_status in wording.ON_ITS_WAY:
        return wording.ON_ITS_WAY[purchase.delivery_status]
    if purchase.payment_status is PaymentStatus.CONFIRMING:
        return wording.CONFIRMING
    if purchase.payment_status is PaymentStatus.PAID:
        return (
            wording.WAITING if purchase.stock_status is StockStatus.WAITING else wording.PREPARING
        )
    return wording.DUE


def heading(purchase: Purchase, steps: Sequence[Step], words: Words) -> str:
    """Return how the purchase stands, with the time until which it has to be paid."""
    found = standing(purchase, steps)
    if found is not wording.DUE or purchase.pay_until is None:
        return found.heading.in_(words.language)
    until = words.minute(purchase.pay_until)
    return words.t(f"{until}까지 결제해 주세요", f"Please pay by {until}")


def _cancelled(purchase: Purchase, steps: Sequence[Step]) -> Standing:
    if purchase.payment_status is PaymentStatus.REFUNDING:
        return wording.REFUNDING
    if purchase.payment_status is PaymentStatus.CANCELLED:
        return wording.REFUNDED if was_paid(steps) else wording.NOT_CHARGED
    return wording.CANCELLED


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop on the road. state: done, here or next. at: when it was reached."""

    name: Text
    state: str
    at: datetime | None = None


def road(purchase: Purchase, steps: Sequence[Step]) -> Sequence[Stop]:
    """Return the stops of the purchase's way, in order."""
    reached = {step.event: step.at for step in steps}
    if purchase.is_cancelled:
        way = [
            ("예약", "Order", ("ReservationRegistered",)),
            *([("결제", "Paid", ("PaymentApproved",))] if was_paid(steps) else []),
            ("취소", "Cancelled", ("ReservationCancelled",)),
            *([("환불", "Refund", ("PaymentCancelled",))] if was_paid(steps) else []),
        ]
    elif purchase.delivery_status is DeliveryStatus.RECALLING:
        way = [
            ("배송 중", "Sent", ("DeliveryStarted",)),
            ("회수 중", "Return", ("DeliveryRecalled",)),
            ("회수 완료", "Back", ("DeliveryReturned",)),
            ("환불", "Refund", ("PaymentCancelled",)),
        ]
    else:
        way = [
            ("예약", "Order", ("ReservationRegistered",)),
            ("결제", "Paid", ("PaymentApproved",)),
            ("배송 준비", "Packing", ("DeliveryPrepared",)),
            ("배송 중", "Sent", ("DeliveryStarted",)),
            ("도착", "Arrival", ("DeliveryCompleted",)),
        ]
    times = [next((reached[e] for e in events if e in reached), None) for _, _, events in way]
    last = max((n for n, at in enumerate(times) if at), default=0)
    return [
        Stop(
            Text(ko=ko, en=en),
            "here" if number == last else "done" if number < last else "next",
            at,
        )
        for number, ((ko, en, _), at) in enumerate(zip(way, times, strict=True))
    ]


def following(purchase: Purchase, steps: Sequence[Step]) -> Stop | None:
    """Return the stop that comes next; None when there is none."""
    return next((stop for stop in road(purchase, steps) if stop.state == "next"), None)


def furthest_status(purchase: Purchase) -> str:
    """Return the one status that says most about the purchase."""
    if purchase.is_cancelled:
        moving = {PaymentStatus.REFUNDING, PaymentStatus.CONFIRMING}
        return str(
            purchase.payment_status
            if purchase.payment_status in moving
            else purchase.reservation_status
        )
    return str(purchase.delivery_status or purchase.payment_status or purchase.reservation_status)

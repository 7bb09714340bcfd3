"""Statuses of reservations, payments, deliveries and stock.

The names are used in code, the values on the wire and in databases.
"""

from enum import StrEnum


class ReservationStatus(StrEnum):
    """Where a reservation is."""

    PENDING = "접수중"  # taken, its payment not opened yet: shown by no API
    RESERVED = "예약완료"
    CANCELLED = "예약취소"


class PaymentStatus(StrEnum):
    """Where the payment of a reservation is."""

    DUE = "결제예정"
    CONFIRMING = "결제확인중"  # the provider's answer is not known yet
    PAID = "결제완료"
    REFUNDING = "환불중"
    CANCELLED = "결제취소"


class DeliveryStatus(StrEnum):
    """Where the parcel of a reservation is."""

    PREPARING = "배송준비"
    STARTED = "배송시작"
    COMPLETED = "배송완료"
    CANCELLED = "배송취소"
    RECALLING = "회수중"
    RETURNED = "회수완료"


class StockStatus(StrEnum):
    """Whether a unit of the bike is held for the reservation."""

    WAITING = "배정대기"
    ALLOCATED = "배정완료"
    SHORT = "품절"
    RELEASED = "배정해제"

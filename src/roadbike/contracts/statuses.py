"""Statuses. The names are ours; the values are what the wire and the customer see."""

from enum import StrEnum


class ReservationStatus(StrEnum):
    PENDING = "접수중"  # an intent: never shown outside
    RESERVED = "예약완료"
    CANCELLED = "예약취소"


class PaymentStatus(StrEnum):
    DUE = "결제예정"
    CONFIRMING = "결제확인중"  # the provider's answer is unknown yet
    PAID = "결제완료"
    REFUNDING = "환불중"
    CANCELLED = "결제취소"


class DeliveryStatus(StrEnum):
    PREPARING = "배송준비"
    STARTED = "배송시작"
    COMPLETED = "배송완료"
    CANCELLED = "배송취소"
    RECALLING = "회수중"
    RETURNED = "회수완료"


class StockStatus(StrEnum):
    WAITING = "배정대기"
    ALLOCATED = "배정완료"
    SHORT = "품절"
    RELEASED = "배정해제"

"""Why something was cancelled or released: the field `reason` of an event."""

from enum import StrEnum


class Reason(StrEnum):
    """The cause; its value is what the wire and My Page show."""

    BUYER = "buyer"  # the buyer cancelled
    STAFF = "staff"  # staff cancelled or called back
    NOT_OPENED = "not-opened"  # payment refused to open, so the reservation was never registered
    UNANSWERED = "unanswered"  # payment did not answer: cancelled, whether it had opened or not
    SOLD_OUT = "sold-out"
    UNPAID = "unpaid"  # the buyer did not pay in time
    PAYMENT_CANCELLED = "payment-cancelled"  # for example refunded at the provider
    RESERVATION_CANCELLED = "reservation-cancelled"
    RETURNED = "returned"  # the bike came back to the shop
    NOT_SENT = "not-sent"  # the delivery was cancelled before the bike left

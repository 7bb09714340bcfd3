"""Why something was cancelled or released; told with the event as `reason`."""

from enum import StrEnum


class Reason(StrEnum):
    BUYER = "buyer"  # the buyer asked for it
    STAFF = "staff"  # staff did, for the buyer
    NOT_OPENED = "not-opened"  # no payment could be opened, so there never was a reservation
    UNANSWERED = "unanswered"  # nobody knows whether the payment was opened: cancelled to be sure
    SOLD_OUT = "sold-out"
    UNPAID = "unpaid"  # not paid in time
    PAYMENT_CANCELLED = "payment-cancelled"  # e.g. refunded at the provider
    RESERVATION_CANCELLED = "reservation-cancelled"
    RETURNED = "returned"  # the bike came back
    NOT_SENT = "not-sent"  # its delivery was closed before the bike left

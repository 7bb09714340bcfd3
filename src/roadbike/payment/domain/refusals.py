"""What payment refuses, and the HTTP status of each refusal."""

from roadbike.kit.pure.refusals import Refusal


class ReservationGone(Refusal):
    """The reservation was cancelled, or its payment has expired: no payment is opened for it."""

    slug = "reservation-gone"
    status = 409


class PaymentDiffers(Refusal):
    """The reservation's payment is already open with another price, user or bike."""

    slug = "payment-differs"
    status = 409


class NotPayable(Refusal):
    """The payment was never opened, is cancelled or is about to be cancelled."""

    slug = "not-payable"
    status = 409


class TooManyTries(Refusal):
    """The buyer's last attempts were all declined. Pass `limit` and `retry_after`."""

    slug = "too-many-payment-tries"
    status = 429


class PaymentFailed(Refusal):
    """The provider declined the payment: no money was taken, and the buyer may try again."""

    slug = "payment-declined"
    status = 402

"""Why a bike is not reserved, or a reservation not cancelled."""

from roadbike.kit.pure.refusals import NotFound, Refusal


class NotOnSale(NotFound):
    """The bike is unknown or was withdrawn from sale."""

    slug = "not-on-sale"


class SoldOut(Refusal):
    """According to the copy of the catalogue, all units of the bike are reserved."""

    slug = "sold-out"
    status = 409


class TooManyOpenReservations(Refusal):
    """The buyer has as many open reservations as one buyer may have."""

    slug = "too-many-open-reservations"
    status = 409


class PriceChanged(Refusal):
    """The buyer was shown another price; `price` in the answer is the current one."""

    slug = "price-changed"
    status = 409


class AlreadyShipped(Refusal):
    """The bike has left the shop; only staff can recall it."""

    slug = "already-shipped"
    status = 409


class AlreadyDelivered(Refusal):
    """The bike was delivered; only staff can take it back."""

    slug = "already-delivered"
    status = 409

"""Who issues access tokens, for whom, and the roles that they carry."""

from enum import StrEnum
from typing import Final

SHOP_NAME: Final = "Road Bike Online-Center"
ISSUER: Final = "roadbike-account"  # claim "iss" of an access token
AUDIENCE: Final = "shop"  # claim "aud" of an access token


class Role(StrEnum):
    """What an account may do. A new role needs a line in kit/web/access.py.

    BUYER: buys, and sees what is theirs. CLERK: works on deliveries, and sees the stock and
    reservations, without their prices. ADMIN: everything, for everybody.
    """

    BUYER = "buyer"
    CLERK = "clerk"
    ADMIN = "admin"


ROLES: Final = frozenset(Role)
STAFF: Final = frozenset({Role.CLERK, Role.ADMIN})

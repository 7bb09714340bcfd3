"""Who issues access tokens, for whom, and the roles that they carry."""

from enum import StrEnum
from typing import Final

SHOP_NAME: Final = "Road Bike Online-Center"
ISSUER: Final = "roadbike-account"  # claim "iss" of an access token
AUDIENCE: Final = "shop"  # claim "aud" of an access token


class Role(StrEnum):
    """What an account may do; admin may do what a buyer may, for everybody."""

    BUYER = "buyer"
    ADMIN = "admin"


ROLES: Final = frozenset(Role)

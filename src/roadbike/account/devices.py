"""Device tokens: who shows one has logged in to that account before, from that device.

They are what OWASP calls device cookies. Strangers who guess passwords have none, so their failed
log-ins need not lock out the owner.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from roadbike.kit.auth import SigningKey

ID_BYTES: Final = 16
ID_LENGTH: Final = 22  # characters
COOKIE_SECONDS: Final = 365 * 24 * 60 * 60
PURPOSE: Final = b"roadbike device token 1"


@dataclass(frozen=True, slots=True)
class DeviceCookie:
    """The cookie of device tokens. secure: browsers keep and send it over HTTPS only."""

    secure: bool

    @property
    def name(self) -> str:
        """Return its name; with `__Host-`, no other host can set it."""
        return "__Host-roadbike-device" if self.secure else "roadbike-device"

    def header(self, token: str) -> str:
        """Return the header Set-Cookie."""
        flags = "Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if self.secure else "")
        return f"{self.name}={token}; Max-Age={COOKIE_SECONDS}; {flags}"


class Devices:
    """Makes and recognises device tokens, without storing them.

    A token is the random id of a device and a MAC (HMAC-SHA256) over it and the user id. It is of
    no use for another account and replaces no password.
    keys: the MAC's keys are derived from them; the first one makes new tokens.
    """

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._keys = [_derived(key) for key in keys]

    def token(self, user_id: str, device: str | None) -> str:
        """Return the token of this device for this user; None is a new device."""
        chosen = device or secrets.token_urlsafe(ID_BYTES)
        return f"{chosen}.{_mac(self._keys[0], chosen, user_id)}"

    def known(self, token: str | None, user_id: str) -> str | None:
        """Return the id of the device; None unless the token was made here for this user."""
        device, _, mac = (token or "").partition(".")
        if len(device) != ID_LENGTH:
            return None
        made_here = [
            hmac.compare_digest(_mac(key, device, user_id).encode(), mac.encode())
            for key in self._keys
        ]
        return device if any(made_here) else None


def _derived(key: SigningKey) -> bytes:
    """Return a key for this purpose only, from the bytes of a signing key."""
    return hmac.digest(key.private.private_bytes_raw(), PURPOSE, sha256)


def _mac(key: bytes, device: str, user_id: str) -> str:
    digest = hmac.digest(key, f"{device}\0{user_id}".encode(), sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")

"""What answers at account's address in tests: account itself, or a program in its place."""

import base64
import json
import time

from roadbike.kit.auth import Publisher, SigningKey, new_signing_key
from tests.kit.tokens import ISSUER, KEY, FromNow, claims

NOW, LONG_AGO = FromNow(0), FromNow(-700)
NEXT, THIRD, SQUATTERS = (
    SigningKey.from_jwk(new_signing_key(f"account/{name}")) for name in ("2", "3", "squatter")
)
TRUSTED = {KEY.kid: KEY.private.public_key()}


def document(signing: SigningKey, *others: SigningKey, made: FromNow = NOW) -> str:
    """What account publishes: it signs with `signing` now and has `others` with private halves."""
    jwks = {"keys": [one.public_jwk() | {"d": _private_half(one)} for one in others]}
    publisher = Publisher(ISSUER, signing, json.dumps(jwks))
    return publisher.document(time.time() + made.seconds).decode()


def _private_half(key: SigningKey) -> str:
    return base64url(key.private.private_bytes_raw())


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Issuer:
    """What answers at account's address; it counts the requests. `now` is the monotonic clock."""

    def __init__(self) -> None:
        self.shows: str | None = document(KEY)
        self.requests = 0
        self.now = 1000.0

    async def fetch(self, url: str) -> str:
        assert url == "http://account/.well-known/jwks.json"
        self.requests += 1
        if self.shows is None:
            raise ConnectionRefusedError
        return self.shows

    def clock(self) -> float:
        return self.now


def plain(*keys: SigningKey) -> str:
    return json.dumps({"keys": [key.public_jwk() for key in keys], "signed": []})


def changed(text: str) -> str:
    """The document with the squatter's key put into the signed part of it."""
    shown = json.loads(text)
    head, _, signature = shown["signed"][0].split(".")
    body = base64url(json.dumps(claims_of_keys(SQUATTERS)).encode())
    return json.dumps({"keys": [], "signed": [f"{head}.{body}.{signature}"]})


def claims_of_keys(*keys: SigningKey, **changes: object) -> dict[str, object]:
    usual = {"sub": ISSUER, "aud": "keys", "keys": [key.public_jwk() for key in keys]}
    return claims(**usual | changes)


def signed_by(key: SigningKey, **changes: object) -> str:
    return json.dumps({"signed": [key.sign(claims_of_keys(SQUATTERS, **changes))]})

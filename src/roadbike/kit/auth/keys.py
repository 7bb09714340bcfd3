"""Ed25519 keys as JWK (RFC 8037), and the one way in which the shop's tokens are read."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from roadbike.kit.pure.refusals import Unauthenticated

ALGORITHM: Final = "EdDSA"  # the only one that is ever accepted
LONGEST_TOKEN: Final = 4096
LONGEST_KID: Final = 100
CLOCK_SKEW_S: Final = 2
HEADERS: Final = {"alg", "typ", "kid"}  # a token with any other (jwk, jku, x5u, crit …) is refused

PublicKeys = Mapping[str, Ed25519PublicKey]


class KeyFault(ValueError):
    """Text that should be a JWK or JWKS of Ed25519 keys and is none. Never quotes the text."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key and its id."""

    kid: str
    private: Ed25519PrivateKey

    @classmethod
    def from_jwk(cls, text: str) -> "SigningKey":
        """Read a private JWK with a "kid". Raises KeyFault."""
        jwk = _members(text)
        key = _key(jwk)
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFault("a private Ed25519 JWK is wanted")
        return cls(_kid(jwk), key)

    def public_jwk(self) -> dict[str, str]:
        """Return the public half, as it stands in a JWKS."""
        raw = self.private.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": ALGORITHM,
            "kid": self.kid,
            "x": x,
        }

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a compact JWT of the claims."""
        return jwt.encode(
            dict(claims), self.private, algorithm=ALGORITHM, headers={"kid": self.kid}
        )


def new_signing_key(kid: str) -> str:
    """Make a key pair; returns the private JWK as JSON text."""
    key = SigningKey(kid, Ed25519PrivateKey.generate())
    d = base64.urlsafe_b64encode(key.private.private_bytes_raw()).decode().rstrip("=")
    return json.dumps(key.public_jwk() | {"d": d})


def public_keys(jwks: str) -> dict[str, Ed25519PublicKey]:
    """Read a JWKS `{"keys": [...]}`; private members are dropped. Raises KeyFault."""
    keys = _members(jwks).get("keys")
    if not isinstance(keys, list):
        raise KeyFault("a JWKS has a list named keys")
    found = {}
    for jwk in keys:
        if not isinstance(jwk, dict):
            raise KeyFault("a JWK is an object")
        found[_kid(jwk)] = public_key(jwk)
    return found


def public_key(jwk: Mapping[str, Any]) -> Ed25519PublicKey:
    """Return the public key of one JWK. Raises KeyFault."""
    key = _key(jwk)
    return key.public_key() if isinstance(key, Ed25519PrivateKey) else key


def kid_of(token: str) -> str:
    """Name the key that a token says it is signed with. Raises Unauthenticated."""
    if len(token) > LONGEST_TOKEN:
        raise Unauthenticated
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Unauthenticated from error
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or header.keys() - HEADERS:
        raise Unauthenticated
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID or not kid.isprintable():
        raise Unauthenticated
    return kid


def claims_of(
    token: str, key: Ed25519PublicKey, *, audience: str, issuer: str | Sequence[str]
) -> dict[str, Any]:
    """Return the claims of a token that holds. Raises Unauthenticated for every other."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            leeway=CLOCK_SKEW_S,
            options={"require": ["exp", "iat", "aud", "iss", "sub"], "strict_aud": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Unauthenticated from error
    return claims


def _members(text: str) -> dict[str, Any]:
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise KeyFault("a JSON object is wanted") from None
    return members


def _key(jwk: Mapping[str, Any]) -> Ed25519PrivateKey | Ed25519PublicKey:
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise KeyFault("an Ed25519 JWK is wanted")
    try:
        key = jwt.algorithms.OKPAlgorithm.from_jwk(dict(jwk))
    except (jwt.PyJWTError, ValueError, TypeError):
        key = None
    if not isinstance(key, (Ed25519PrivateKey, Ed25519PublicKey)):
        raise KeyFault("an Ed25519 JWK is wanted") from None
    return key


def _kid(jwk: Mapping[str, Any]) -> str:
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID:
        raise KeyFault("a JWK here has a kid")
    return kid

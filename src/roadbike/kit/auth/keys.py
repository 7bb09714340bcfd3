"""Ed25519 keys as JWK (RFC 8037), and the strict reading of the tokens they sign."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from roadbike.kit.pure.refusals import TokenExpired, TokenInvalid

ALGORITHM: Final = "EdDSA"  # the only accepted algorithm
MAX_TOKEN_LENGTH: Final = 4096  # characters
MAX_KID_LENGTH: Final = 100  # characters
CLOCK_SKEW_SECONDS: Final = 2
HEADERS: Final = {"alg", "typ", "kid"}  # a token with any other (jwk, jku, x5u, crit …) is refused

PublicKeys = Mapping[str, Ed25519PublicKey]


class KeyFault(ValueError):
    """A text is not a JWK or JWKS of Ed25519 keys. The message never quotes the text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenRules:
    """What the claims of a token must be.

    issuer: the accepted `iss`, or several. max_lifetime_seconds: the largest `exp - iat`.
    """

    audience: str
    issuer: str | Sequence[str]
    max_lifetime_seconds: int


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
            raise KeyFault("it must be a private Ed25519 JWK")
        return cls(_kid(jwk), key)

    def public_jwk(self) -> dict[str, str]:
        """Return the public key as a member of a JWKS."""
        return public_jwk(self.kid, self.private.public_key())

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a signed JWT with these claims, in the compact form."""
        return jwt.encode(
            dict(claims), self.private, algorithm=ALGORITHM, headers={"kid": self.kid}
        )


def new_signing_key(kid: str) -> str:
    """Generate a key pair and return the private JWK as JSON text."""
    key = SigningKey(kid, Ed25519PrivateKey.generate())
    d = base64.urlsafe_b64encode(key.private.private_bytes_raw()).decode().rstrip("=")
    return json.dumps(key.public_jwk() | {"d": d})


def public_keys(jwks: str) -> dict[str, Ed25519PublicKey]:
    """Read a JWKS `{"keys": [...]}` and return its public keys by kid. Raises KeyFault."""
    return {_kid(jwk): public_key(jwk) for jwk in _jwks(jwks)}


def private_keys(jwks: str) -> list[SigningKey]:
    """Read a JWKS and return those of its keys that have a private half. Raises KeyFault."""
    keys = [(_kid(jwk), _key(jwk)) for jwk in _jwks(jwks)]
    return [SigningKey(kid, key) for kid, key in keys if isinstance(key, Ed25519PrivateKey)]


def public_jwk(kid: str, key: Ed25519PublicKey) -> dict[str, str]:
    """Return the key as a member of a JWKS."""
    x = base64.urlsafe_b64encode(key.public_bytes_raw()).decode().rstrip("=")
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM, "kid": kid, "x": x}


def public_key(jwk: Mapping[str, Any]) -> Ed25519PublicKey:
    """Return the public key of a public or private JWK. Raises KeyFault."""
    key = _key(jwk)
    return key.public_key() if isinstance(key, Ed25519PrivateKey) else key


def kid_of(token: str, max_length: int = MAX_TOKEN_LENGTH) -> str:
    """Return the kid in the header of a token, whose signature is not checked here.

    Raises TokenInvalid when the header is not one that our keys produce.
    """
    if len(token) > max_length:
        raise TokenInvalid
    try:
        header = jwt.get_unverified_header(token)
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenInvalid from error
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or header.keys() - HEADERS:
        raise TokenInvalid
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH or not kid.isprintable():
        raise TokenInvalid
    return kid


def claims_of(token: str, key: Ed25519PublicKey, rules: TokenRules) -> dict[str, Any]:
    """Return the claims of a valid token.

    Raises TokenExpired when `exp` has passed, TokenInvalid when the signature, `aud`, `iss`,
    `iat` or `nbf` is wrong, when a required claim (exp, iat, aud, iss, sub) is missing, or when the
    token would be valid for too long. Clocks may differ by CLOCK_SKEW_SECONDS.
    """
    return _claims(token, key, rules, is_signed=True)


def unverified_claims(token: str, rules: TokenRules) -> dict[str, Any]:
    """Return the claims of a token whose key is unknown: they are not confirmed.

    Raises TokenExpired and TokenInvalid when `claims_of` would do so with every key.
    """
    return _claims(token, "", rules, is_signed=False)


def _claims(
    token: str, key: Ed25519PublicKey | str, rules: TokenRules, *, is_signed: bool
) -> dict[str, Any]:
    checks = dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf", "verify_aud"), True)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=CLOCK_SKEW_SECONDS,
            options={  # type: ignore[arg-type]
                **checks,
                "verify_iss": True,
                "verify_sub": True,
                "verify_signature": is_signed,
                "require": ["exp", "iat", "aud", "iss", "sub"],
                "strict_aud": True,
            },
        )
        # `exp` is not in the past and `iat` not in the future, so with this `now` lies at most
        # that long after `iat`, whatever `exp` says
        too_long = claims["exp"] - claims["iat"] > rules.max_lifetime_seconds
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TokenInvalid from error
    if too_long:
        raise TokenInvalid
    return claims


def _jwks(text: str) -> list[dict[str, Any]]:
    keys = _members(text).get("keys")
    if not isinstance(keys, list):
        raise KeyFault("a JWKS must have a list named keys")
    if not all(isinstance(jwk, dict) for jwk in keys):
        raise KeyFault("a JWK must be a JSON object")
    return keys


def _members(text: str) -> dict[str, Any]:
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise KeyFault("it must be a JSON object") from None
    return members


def _key(jwk: Mapping[str, Any]) -> Ed25519PrivateKey | Ed25519PublicKey:
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise KeyFault("it must be an Ed25519 JWK")
    try:
        key = jwt.algorithms.OKPAlgorithm.from_jwk(dict(jwk))
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (jwt.PyJWTError, ValueError, TypeError):
        key = None
    if not isinstance(key, (Ed25519PrivateKey, Ed25519PublicKey)):
        raise KeyFault("it must be an Ed25519 JWK") from None
    return key


def _kid(jwk: Mapping[str, Any]) -> str:
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise KeyFault(f"a JWK must have a kid of 1 to {MAX_KID_LENGTH} characters")
    return kid

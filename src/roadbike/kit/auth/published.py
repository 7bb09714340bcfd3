"""The document in which an issuer publishes its keys: a JWKS, signed with keys known before.

Any program at the issuer's address can show keys, but not sign them: a reader takes from `signed`
only what one of the keys that it trusts already has signed. `keys` is the usual JWKS
(RFC 7517) for programs that trust the connection instead.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from roadbike.kit.auth.clock import TokenClock
from roadbike.kit.auth.keys import (
    KeyFault,
    PublicKeys,
    SigningKey,
    TokenRules,
    claims_of,
    kid_of,
    private_keys,
    public_jwk,
    public_keys,
)
from roadbike.kit.pure.refusals import Unauthenticated

LIFETIME_SECONDS: Final = 600  # of a signature
MAX_LENGTH: Final = 64 * 1024  # characters of a document
KEYS_AUDIENCE: Final = "keys"  # differs from that of access tokens: neither passes for the other


@dataclass(frozen=True, slots=True)
class Published:
    """The issuer's keys. issued_at: when they were signed, in seconds since 1970 (its clock)."""

    keys: PublicKeys
    issued_at: float


class Publisher:
    """Signs the document of one issuer.

    signing_key: signs the tokens now. other_keys: a JWKS of the next and of earlier keys; those
    with a private half sign the document too, for readers that know no other.
    Raises KeyFault when a key cannot be read.
    """

    def __init__(self, issuer: str, signing_key: SigningKey, other_keys: str) -> None:
        self._issuer = issuer
        self._signers: Sequence[SigningKey] = [signing_key, *private_keys(other_keys)]
        others = public_keys(other_keys)
        others.pop(signing_key.kid, None)
        self._jwks = [
            signing_key.public_jwk(),
            *(public_jwk(kid, key) for kid, key in others.items()),
        ]

    def document(self, now: float) -> bytes:
        """Return the document as JSON. now: seconds since 1970."""
        claims = {
            "iss": self._issuer,
            "sub": self._issuer,
            "aud": KEYS_AUDIENCE,
            "iat": int(now),
            "exp": int(now) + LIFETIME_SECONDS,
            "keys": self._jwks,
        }
        signed = [signer.sign(claims) for signer in self._signers]
        return json.dumps({"keys": self._jwks, "signed": signed}).encode()


def read_published(
    document: str, trusted: PublicKeys, issuer: str, clock: TokenClock | None = None
) -> Published:
    """Return the keys that a trusted key has signed in this document.

    clock: judges whether its signatures are valid now.
    Raises KeyFault when the document cannot be read, or when none of its signatures is valid and
    made with a trusted key.
    """
    rules = TokenRules(
        audience=KEYS_AUDIENCE,
        issuer=issuer,
        max_lifetime_seconds=LIFETIME_SECONDS,
        clock=clock or TokenClock(),
    )
    for token in _signatures(document):
        try:
            key = trusted.get(kid_of(token, MAX_LENGTH))
            claims = claims_of(token, key, rules) if key else None
        except Unauthenticated:
            continue
        if claims is not None:
            keys = public_keys(json.dumps({"keys": claims.get("keys")}))
            return Published(keys, claims["iat"])
    raise KeyFault("no key that is trusted here has signed these keys")


def _signatures(document: str) -> list[str]:
    if len(document) > MAX_LENGTH:
        raise KeyFault("the document is too long")
    try:
        members = json.loads(document)
    except (ValueError, RecursionError):
        members = None
    signed = members.get("signed") if isinstance(members, dict) else None
    if not isinstance(signed, list):
        raise KeyFault("the document must be a JSON object with a list named signed")
    return [token for token in signed if isinstance(token, str)]

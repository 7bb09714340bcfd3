"""Races 13: account signs with a new key while a replica of it still shows the old JWKS; measured
is how a good token of the new key is answered in the 31 s after the first one; the fault is that
it is refused as if it were not good (401 instead of 503).
"""

import json
import time
from dataclasses import dataclass
from typing import Final

from roadbike.contracts.identity import AUDIENCE, ISSUER, ROLES
from roadbike.kit.auth import Publisher, SigningKey, new_signing_key
from roadbike.kit.auth.tokens import TokenVerifier
from roadbike.kit.pure.refusals import Unauthenticated, Unavailable
from tests.faults.databases import new_database, opened
from tests.faults.outcome import Outcome, run, say

ASKED_AT: Final = (0, 1, 10, 29, 31)  # seconds


@dataclass
class Clock:
    """A clock that changes only when the script sets it."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    jwks = {kid: new_signing_key(kid) for kid in ("2026-10", "2026-11")}
    old, new = map(SigningKey.from_jwk, jwks.values())
    shown = [[old], [new, old]]  # the first replica that is asked does not know the new key

    async def fetch(_url: str) -> str:
        keys = shown.pop(0) if len(shown) > 1 else shown[0]
        private = json.dumps({"keys": [json.loads(jwks[key.kid]) for key in keys]})
        return Publisher(ISSUER, keys[0], private).document(time.time()).decode()

    async with new_database("roadbike.stock") as url, opened(url) as db:
        clock, refused = Clock(), 0
        verifier = TokenVerifier(
            db,
            "http://account",
            {old.kid: old.private.public_key()},
            issuer=ISSUER,
            audience=AUDIENCE,
            roles=ROLES,
            max_lifetime_seconds=600,
            clock=clock.monotonic,
            fetch=fetch,
        )
        for at in ASKED_AT:
            clock.now = at
            answer = await answer_to(verifier, new)
            say(f"a good token of the new key, {at} s after the first one: {answer}")
            refused += answer == "401"
    return Outcome(refused > 0, f"{refused} of {len(ASKED_AT)} good tokens get 401")


async def answer_to(verifier: TokenVerifier, key: SigningKey) -> str:
    now = int(time.time())
    who = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kim", "roles": ["buyer"]}
    try:
        await verifier.verify(key.sign(who | {"iat": now, "exp": now + 600}))
    except Unauthenticated:
        return "401"
    except Unavailable:
        return "503"
    return "200"


if __name__ == "__main__":
    raise SystemExit(main())

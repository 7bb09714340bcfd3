"""The issuer's public keys, as stored in this service's own database."""

import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Column, String, Table, Text, delete, select

from roadbike.kit.auth.keys import MAX_KID_LENGTH, PublicKeys, public_key
from roadbike.kit.db import Tx, metadata
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import UtcTime

VERIFICATION_KEY: Final = Table(
    "verification_key",
    metadata,
    Column("kid", String(MAX_KID_LENGTH), primary_key=True),
    Column("jwk", Text, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)


async def load_keys(tx: Tx) -> PublicKeys:
    """Return the stored public keys by kid."""
    rows = await tx.rows(select(VERIFICATION_KEY.c.kid, VERIFICATION_KEY.c.jwk))
    return {row["kid"]: public_key(json.loads(row["jwk"])) for row in rows}


async def keep_keys(tx: Tx, jwks: Mapping[str, Mapping[str, str]]) -> None:
    """Store these keys (public JWK by kid) and delete all others, which the issuer withdrew."""
    await tx.execute(delete(VERIFICATION_KEY).where(VERIFICATION_KEY.c.kid.not_in(list(jwks))))
    now = await tx.now()
    rows = [{"kid": kid, "jwk": json.dumps(jwk), "seen_at": now} for kid, jwk in jwks.items()]
    await insert_new(tx, VERIFICATION_KEY, rows)  # another replica may insert them meanwhile

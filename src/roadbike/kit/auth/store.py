"""The issuer's public keys that were learned since the start, in this service's own database."""

import json
from typing import Final

from sqlalchemy import Column, String, Table, Text, select

from roadbike.kit.auth.keys import MAX_KID_LENGTH, PublicKeys, public_jwk, public_key
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


async def add_keys(tx: Tx, keys: PublicKeys) -> None:
    """Store these keys. A kid that is stored keeps its key, and nothing is deleted."""
    now = await tx.now()
    rows = [
        {"kid": kid, "jwk": json.dumps(public_jwk(kid, key)), "seen_at": now}
        for kid, key in keys.items()
    ]
    await insert_new(tx, VERIFICATION_KEY, rows)  # another replica may insert them meanwhile

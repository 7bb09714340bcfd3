"""The job that makes the demo users and bikes, at the first start."""

import asyncio
import tomllib
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final
from urllib.error import HTTPError

from roadbike.account import store
from roadbike.account.domain import UserExists
from roadbike.account.passwords import Passwords
from roadbike.account.use_cases import open_account
from roadbike.contracts.identity import Role
from roadbike.kit.db import Database
from roadbike.local.http import access_token, call

ADMIN: Final = "admin"
MEASURES: Final = (  # the order of the numbers of a size
    *("stack", "reach", "headTube", "seatTube", "headAngle", "seatAngle"),
    *("chainstay", "bbDrop", "forkOffset"),
)


def make(*, logins: Mapping[str, str], database_url: str, gateway: str) -> None:
    """Make the users with these passwords, and the bikes. It can be repeated after a failure."""
    asyncio.run(_open_accounts(logins, Database(database_url)))
    token = access_token(gateway, ADMIN, logins[ADMIN])
    for bike in bikes():
        _put_on_sale(gateway, token, bike)


async def _open_accounts(logins: Mapping[str, str], db: Database) -> None:
    async with Passwords() as passwords:
        for user_id, password in logins.items():
            await _open_account(db, user_id, await passwords.hash(password))
    await db.close()


async def _open_account(db: Database, user_id: str, password_hash: str) -> None:
    role = Role.ADMIN if user_id == ADMIN else Role.BUYER
    try:
        async with db.begin() as tx:
            await open_account(
                tx,
                user_id=user_id,
                user_name=user_id.title(),
                password_hash=password_hash,
                roles=(role,),
            )
    except UserExists:  # made by an earlier attempt
        async with db.begin() as tx:
            account = await store.find(tx, user_id)
            assert account is not None
            await store.rehash(tx, account, password_hash)


def bikes() -> Iterator[dict[str, Any]]:
    """Return the bodies for POST /stocks."""
    text = files("roadbike.local.jobs").joinpath("demo_stock.toml").read_text(encoding="utf-8")
    for model in tomllib.loads(text)["model"]:
        for offset, (size, measures) in enumerate(model["sizes"].items()):
            yield {
                "bikeId": model["number"] + offset,
                "bikeNm": model["name"],
                "price": model["price"],
                "stockQty": model["stock"],
                "brand": model["brand"],
                "frameSize": size,
                "colour": model["colour"],
                "description": model["description"],
                "geometry": {"model": model["number"]}
                | {name: model[name] for name in ("kind", "paint", "accent")}
                | dict(zip(MEASURES, measures, strict=True)),
            }


def _put_on_sale(gateway: str, token: str, bike: dict[str, Any]) -> None:
    try:
        call(f"{gateway}/stocks", body=bike, headers={"Authorization": f"Bearer {token}"})
    except HTTPError as refusal:
        if refusal.code != HTTPStatus.CONFLICT:  # 409: it exists already
            raise

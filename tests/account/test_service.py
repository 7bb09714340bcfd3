"""The service as a whole: its settings, its schema, its keys."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from openapi_spec_validator import validate

from roadbike.account import app
from roadbike.account.store import metadata
from roadbike.contracts.identity import ISSUER
from roadbike.kit.auth import SigningKey, new_signing_key, public_keys
from roadbike.kit.auth.keys import kid_of
from roadbike.kit.auth.published import read_published
from roadbike.kit.db import Database, migrate
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.server import Server
from roadbike.kit.process.setting_faults import SettingError
from roadbike.kit.process.settings import read
from roadbike.serve import SHOP


@pytest.mark.parametrize("key", ["", "no key", '{"kty": "oct"}'])
def test_a_broken_signing_key_is_named_and_not_shown(
    settings: Callable[..., app.Settings], key: str
) -> None:
    with pytest.raises(SettingError, match="ROADBIKE_SIGNING_KEY") as fault:
        app.build(settings("sqlite+aiosqlite://", signing_key=Secret(key)))

    assert not key or key not in str(fault.value)


ENVIRON = {
    "ROADBIKE_PORT": "0",
    "ROADBIKE_DATABASE_URL": "sqlite+aiosqlite://",
    "ROADBIKE_BROKER_URL": "memory://",
    "ROADBIKE_ACCOUNT_URL": "http://account",
    "ROADBIKE_ACCOUNT_KEYS": '{"keys": []}',
    "ROADBIKE_SERVICE_KEY": new_signing_key("account/own"),
    "ROADBIKE_SIGNING_KEY": new_signing_key("account/1"),
}


@pytest.mark.parametrize("name", ["SIGNING_KEY", "OTHER_KEYS"])
def test_production_refuses_keys_made_for_one_machine(name: str) -> None:
    key = SigningKey.from_jwk(one_machine := new_signing_key("account/one-machine"))
    value = {"SIGNING_KEY": one_machine, "OTHER_KEYS": json.dumps({"keys": [key.public_jwk()]})}
    environ = ENVIRON | {f"ROADBIKE_{name}": value[name]}

    with pytest.raises(SettingError, match=f"^ROADBIKE_{name} "):
        read(app.Settings, environ | {"ROADBIKE_ENV": "production"})
    app.build(read(app.Settings, environ | {"ROADBIKE_ENV": "local"}))


def test_a_token_lives_ten_minutes_at_most() -> None:
    environ = ENVIRON

    assert read(app.Settings, environ).token_lifetime_seconds == 600
    with pytest.raises(SettingError, match="ROADBIKE_TOKEN_LIFETIME_SECONDS"):
        read(app.Settings, environ | {"ROADBIKE_TOKEN_LIFETIME_SECONDS": "601"})


@pytest.mark.parametrize("keys", ["", "{}", '{"keys": []}', '{"keys": [{}]}', "no key"])
def test_a_service_does_not_start_without_a_key_of_account(
    settings: Callable[..., app.Settings], keys: str
) -> None:
    service = app.build(settings("sqlite+aiosqlite://", account_keys=keys))

    with pytest.raises(SettingError, match=r"^ROADBIKE_ACCOUNT_KEYS is wrong"):
        Server(service, "roadbike.account", MemoryBroker(MemoryLog()), SHOP)


def test_account_does_not_issue_tokens_that_no_service_accepts() -> None:
    with pytest.raises(SettingError, match=r"^ROADBIKE_TOKEN_LIFETIME_SECONDS is 600"):
        read(app.Settings, ENVIRON | {"ROADBIKE_TOKEN_MAX_LIFETIME_SECONDS": "599"})


async def test_other_keys_are_published_without_their_private_half(
    settings: Callable[..., app.Settings],
) -> None:
    other = json.dumps({"keys": [json.loads(new_signing_key("account/0"))]})
    service = app.build(settings("sqlite+aiosqlite://", other_keys=Secret(other)))
    keys: Any = next(route for route in service.routes if "/.well-known/jwks.json" in route.paths)

    document = json.loads((await keys.fn()).content)
    published = document["keys"]

    assert [kid_of(token) for token in document["signed"]] == ["account/1", "account/0"]
    old = public_keys(other)
    trusted = read_published(json.dumps(document), old, ISSUER)  # by a service that knows no other
    assert trusted.keys.keys() == {"account/1", "account/0"}
    assert [key["kid"] for key in published] == ["account/1", "account/0"]
    assert all("d" not in key for key in published)
    assert SigningKey.from_jwk(new_signing_key("x/1")).kid == "x/1"


async def test_migrations_create_the_tables_of_the_code(
    account_url: str, open_database: Callable[[str], Database]
) -> None:
    db = open_database(account_url)

    def difference(connection: Any) -> list[Any]:
        own = {"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        return list(compare_metadata(MigrationContext.configure(connection, opts=own), metadata))

    async with db.engine.connect() as connection:
        assert await connection.run_sync(difference) == []


def test_migrations_go_up_down_and_up(database_url: str) -> None:
    migrate.upgrade("roadbike.account", database_url)
    migrate.downgrade("roadbike.account", database_url, "base")
    migrate.upgrade("roadbike.account", database_url)


async def test_the_api_is_documented(ask: Any) -> None:
    document = (await ask("GET /openapi.json")).json()

    validate(document)
    assert document["components"]["schemas"]["SignUp"]["additionalProperties"] is False
    sessions = "/internal/sessions"
    assert set(document["paths"]) == {
        *(sessions, f"{sessions}/tokens", f"{sessions}/end", f"{sessions}/password"),
        *("/accounts", "/accounts/tokens", "/accounts/me", "/accounts/{user_id}"),
        *("/internal/accounts/{user_id}/contact", "/.well-known/jwks.json"),
        *("/accounts/staff", "/accounts/staff/{user_id}", "/accounts/staff/{user_id}/password"),
        *("/accounts/audit", "/internal/staff", "/internal/staff/role", "/internal/staff/password"),
    }

"""`roadbike set-up-secrets`: every service can start with what it writes, also in production."""

import json
import re
import stat
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.process.settings import read
from roadbike.local import home, shop_file
from roadbike.local.commands import set_up_secrets
from roadbike.local.errors import CommandError
from roadbike.local.services import SERVICES

DATABASE = "postgresql+asyncpg://{user}:{password}@postgres:5432/{database}"
BROKER = "nats://{user}:{password}@nats:4222"
OF_THE_CLUSTER = {  # deploy/k8s/base
    "ROADBIKE_ENV": "production",
    "ROADBIKE_PORT": "8080",
    "ROADBIKE_ACCOUNT_URL": "http://account:8080",
    "ROADBIKE_TRUSTED_HOPS": "1",
    **{
        f"ROADBIKE_{spec.name.upper()}_URL": f"http://{spec.name}:8080"
        for spec in SERVICES
        if spec.name != "account"
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    set_up_secrets.write(tmp_path / "secrets", "https://shop.example/", [DATABASE], BROKER)
    return tmp_path / "secrets"


def variables(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def made_by(file: Path) -> set[str]:
    """The databases that its statements make."""
    found = re.findall(r"^CREATE DATABASE (?:IF NOT EXISTS )?(\w+)", file.read_text(), re.MULTILINE)
    return set(found)


@pytest.mark.parametrize("name", [spec.name for spec in SERVICES])
def test_a_service_starts_with_it(folder: Path, name: str) -> None:
    settings: Any = import_module(f"roadbike.{name}.app").Settings
    env = {"ROADBIKE_ENV": "local"} if name == "payment" else {}  # it has a simulated provider

    made = read(settings, OF_THE_CLUSTER | variables(folder / f"{name}.env") | env)

    assert f"//{name}:" in made.database_url.reveal()
    assert f"//{name}:" in made.broker_url.reveal()


def test_internal_calls_are_believed_of_those_who_may_make_them(folder: Path) -> None:
    caller, called = (variables(folder / f"{name}.env") for name in ("reservation", "payment"))
    own, keys = "ROADBIKE_SERVICE_KEY", "ROADBIKE_CALLER_KEYS"
    payment = ServiceTokens("payment", called[own], called[keys])

    headers = ServiceTokens("reservation", caller[own], caller[keys]).headers(
        "payment", "PUT", "/internal/payments"
    )

    (value,) = headers.values()
    call = payment.read(value.removeprefix("Bearer "), "PUT", "/internal/payments")
    assert call.caller == "reservation"


def test_only_its_owner_may_read_it(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]

    assert len(files) > len(SERVICES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_made_again_it_keeps_every_key_and_password(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    set_up_secrets.write(folder, "https://shop.example", [DATABASE], BROKER)

    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_kubernetes_makes_a_secret_of_each_file(folder: Path) -> None:
    made = json.loads((folder / "kustomization.yaml").read_text())
    sources = [
        file
        for each in made["secretGenerator"]
        for file in (*each.get("envs", ()), *each.get("files", ()))
    ]

    assert all((folder / source).is_file() for source in sources)
    assert {spec.name for spec in SERVICES} <= {each["name"] for each in made["secretGenerator"]}


def test_operators_find_the_whole_shop_in_it(folder: Path) -> None:
    shop = shop_file.read_known(home.at(folder / "ops"))

    assert shop.gateway == "https://shop.example"
    assert set(shop.databases) == {spec.name for spec in SERVICES}
    assert set(shop.auditors) == {*shop.databases, "provider"}


@pytest.mark.parametrize(
    ("database", "broker"),
    [
        ("postgres://{user}@host/{database}", BROKER),
        ("postgresql+asyncpg://{role}:{password}@host/{database}", BROKER),
        (DATABASE, "amqp://host"),
        (DATABASE, "nats://{name}@host"),
    ],
)
def test_urls_that_no_service_takes_are_refused(tmp_path: Path, database: str, broker: str) -> None:
    with pytest.raises(CommandError, match="cannot be used"):
        set_up_secrets.write(tmp_path / "secrets", "https://shop.example", [database], broker)


def test_a_service_may_have_a_database_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    elsewhere = "mariadb+asyncmy://{user}:{password}@mariadb:3306/{database}"
    given = [f"delivery={elsewhere}", DATABASE]

    set_up_secrets.write(folder, "https://shop.example", given, BROKER)

    urls = {
        spec.name: variables(folder / f"{spec.name}.env")["ROADBIKE_DATABASE_URL"]
        for spec in SERVICES
    }
    owner = variables(folder / "delivery-owner.env")["ROADBIKE_DATABASE_URL"]
    assert owner.startswith("mariadb+asyncmy://delivery_owner:")
    assert [name for name, url in urls.items() if "@mariadb:3306/" in url] == ["delivery"]
    assert made_by(folder / "databases-mariadb.sql") == {"delivery"}
    assert made_by(folder / "databases.sql") == {*urls, "provider"} - {"delivery"}


def test_every_database_needs_a_url(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="stock"):
        set_up_secrets.write(tmp_path, "https://shop.example", [f"delivery={DATABASE}"], BROKER)

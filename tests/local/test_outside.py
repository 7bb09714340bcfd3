"""A database outside of the shop: the service gets its URL, and the shop makes none for it."""

from pathlib import Path

import pytest

from roadbike.kit.process.setting_faults import SettingError
from roadbike.local import all_settings, parts, services, shop_file
from roadbike.local import home as homes
from roadbike.local.home import Home
from roadbike.local.ports import Ports
from roadbike.local.servers import outside
from roadbike.local.supervisor.part import Call, Part

SERVING = "mariadb+asyncmy://delivery:secret@db.example/delivery"
OWNING = "mariadb+asyncmy://owner:secret@db.example/delivery"
ENVIRON = {
    "ROADBIKE_DELIVERY_DATABASE_URL": SERVING,
    "ROADBIKE_DELIVERY_OWNER_DATABASE_URL": OWNING,
}
ALL_OUTSIDE = {
    f"ROADBIKE_{spec.name.upper()}_DATABASE_URL": f"postgresql+asyncpg://u:p@db/{spec.name}"
    for spec in services.SERVICES
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = homes.at(tmp_path / "home")
    homes.open_home(made)
    return made


def part(home: Home, name: str, environ: dict[str, str]) -> Part:
    made = parts.all_parts(home, Ports(), environ, services.SERVICES)
    return next(each for each in made if each.name == name)


def test_the_service_serves_with_one_url_and_is_migrated_with_the_other(home: Home) -> None:
    delivery = part(home, "delivery", ENVIRON)

    assert isinstance(delivery.runs, Call)
    assert isinstance(delivery.prepare, Call)
    given = delivery.runs.arguments["environ"]
    assert given["ROADBIKE_DATABASE_URL"] == SERVING
    assert delivery.prepare.arguments["database_url"] == OWNING
    assert not set(ENVIRON) & set(given)


def test_without_an_owner_the_service_s_own_user_migrates() -> None:
    environ = {"ROADBIKE_DELIVERY_DATABASE_URL": SERVING}

    assert outside.owner_url(environ, "delivery") == SERVING
    assert outside.owner_url(environ, "stock") is None


def test_the_commands_find_it(home: Home) -> None:
    shop_file.begin(home, Ports(), services.SERVICES, environ=ENVIRON)

    known = shop_file.read_known(home)
    assert known.databases["delivery"] == known.auditors["delivery"] == SERVING
    assert known.owners["delivery"] == OWNING
    assert known.databases["stock"].startswith("postgresql+asyncpg://stock:")


def test_a_service_does_not_wait_for_a_server_that_it_does_not_use(home: Home) -> None:
    environ = {"ROADBIKE_STOCK_DATABASE_URL": "postgresql+asyncpg://u:p@db/stock"}

    assert "postgres" not in part(home, "stock", environ).needs
    assert "postgres" in part(home, "payment", environ).needs
    finish = part(home, "postgres", environ).finish
    assert isinstance(finish, Call)
    assert "stock" not in finish.arguments["limits"]


def test_the_shop_starts_no_postgresql_when_every_database_is_outside(home: Home) -> None:
    made = parts.all_parts(home, Ports(), ALL_OUTSIDE, services.SERVICES)

    assert "postgres" not in {each.name for each in made}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DELIVERY_DATABASE_URL", "sqlite+aiosqlite:///shop.db", "does not begin with"),
        ("DELIVERY_DATABASE_URL", "mariadb+asyncmy://db.example", "name of the database"),
        ("STOCK_OWNER_DATABASE_URL", "postgresql+asyncpg://u:p@db/s", "ROADBIKE_STOCK_DATABASE"),
    ],
)
def test_a_wrong_one_is_named(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as caught:
        all_settings.check_own({f"ROADBIKE_{name}": value})

    (fault,) = caught.value.faults
    assert fault.facts["name"] == f"ROADBIKE_{name}"
    assert "u:p" not in str(caught.value)

"""Every service stands in every list that has to name it."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import roadbike
from roadbike import environment
from roadbike.local.home import SQLITE_FOLDERS
from roadbike.local.ports import Ports
from roadbike.local.servers.traefik import ROUTES
from roadbike.local.services import SERVICES, ServiceSpec
from tests.ports import PORTS
from tools.docs.services import build_all

ROOT = Path(__file__).parents[1]
PACKAGE = Path(roadbike.__file__).parent
NAMES = [spec.name for spec in SERVICES]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = PROJECT["tool"]["importlinter"]["contracts"]


def contracts(type_: str, key: str, value: str) -> Iterator[dict[str, Any]]:
    """Yield the import contracts of this type whose list `key` has that value."""
    yield from (each for each in CONTRACTS if each["type"] == type_ and value in each.get(key, ()))


def test_every_package_with_an_app_is_a_service_of_the_shop() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/app.py")} == set(NAMES)


def test_every_service_may_have_a_database_outside_of_the_shop() -> None:
    assert set(environment.SERVICES) == set(NAMES)


def test_every_service_has_a_port_of_its_own() -> None:
    ports = Ports()
    servers = {getattr(ports, n) for n, each in vars(Ports).items() if isinstance(each, property)}
    own = {spec.port(ports) for spec in SERVICES}

    assert len(own) == len(SERVICES)
    assert not own & servers
    assert own | servers <= {ports.base + offset for offset in PORTS}


@pytest.mark.parametrize("spec", SERVICES, ids=NAMES)
def test_the_broker_rights_of_every_service_are_what_its_app_needs(spec: ServiceSpec) -> None:
    service = build_all()[spec.name]
    published = {event.topic for event in service.publishes}
    consumed = {policy.event.topic for policy in service.policies}

    assert published == ({spec.topic} if spec.topic else set())
    assert set(spec.reads) == consumed


def test_every_service_with_sqlite_has_a_folder_in_the_home() -> None:
    assert {spec.name for spec in SERVICES if spec.database == "sqlite"} <= set(SQLITE_FOLDERS)


@pytest.mark.parametrize("name", NAMES)
def test_the_layers_of_every_service_are_an_import_contract(name: str) -> None:
    assert len([*contracts("layers", "containers", f"roadbike.{name}")]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_one_machine_mode_must_not_import_any_service(name: str) -> None:
    [contract] = contracts("forbidden", "forbidden_modules", f"roadbike.{name}")

    assert "roadbike.local.up" in contract["source_modules"]


@pytest.mark.parametrize("name", NAMES)
def test_the_gateway_routes_every_public_path(name: str) -> None:
    paths = [path for route in build_all()[name].routes for path in route.paths]
    public = [path for path in paths if not path.startswith("/internal/")]

    assert public
    assert [path for path in public if not path.startswith(ROUTES[name])] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_architecture_page_shows_every_service(name: str) -> None:
    assert f"(pictures/{name}.svg)" in (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_packages_names_every_service(name: str) -> None:
    lines = (ROOT / "CONTRIBUTING.md").read_text().splitlines()
    [services] = [line for line in lines if line.endswith("never another service |")]

    assert f"`{name}`" in services

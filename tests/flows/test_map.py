"""No event falls on deaf ears, and nobody waits for one that is never told."""

from importlib import import_module
from typing import Any, get_args

import msgspec
import pytest

from roadbike.contracts import events
from roadbike.kit.auth import new_signing_key
from roadbike.kit.process.service import Service
from roadbike.kit.process.settings import Secret
from roadbike.kit.pure.events import Event
from roadbike.local.services import SERVICES
from tests.at_work import settings

SPECS = {spec.name: spec for spec in SERVICES}


def build(name: str) -> Service:
    """The service as its environment would make it; values that it needs are of no matter here."""
    module = import_module(f"roadbike.{name}.app")
    known = settings(name, "sqlite+aiosqlite://")
    own = {f.name: anything(f) for f in msgspec.structs.fields(module.Settings) if f.required}
    service: Service = module.build(module.Settings(**own | known))
    return service


def anything(field: msgspec.structs.FieldInfo) -> Any:
    if field.name.endswith("_key"):
        return Secret(new_signing_key("account/1"))
    url = "sqlite+aiosqlite://" if "journal" in field.name else "http://nowhere.invalid"
    return Secret(url) if field.type is Secret else url


@pytest.fixture(scope="module")
def shop() -> dict[str, Service]:
    return {name: build(name) for name in SPECS}


def heard(service: Service) -> set[type[Event]]:
    return {policy.event for policy in service.policies}


@pytest.mark.parametrize("name", SPECS)
def test_a_service_tells_what_is_its_own_to_tell(shop: dict[str, Service], name: str) -> None:
    topic = SPECS[name].topic

    assert set(shop[name].publishes) == {
        event for event in get_args(events.AnyEvent) if event.topic == topic
    }


def test_every_event_is_told_by_exactly_one_service(shop: dict[str, Service]) -> None:
    told = [event for service in shop.values() for event in service.publishes]

    assert len(told) == len(set(told))
    assert set(told) == set(get_args(events.AnyEvent))


def test_every_event_is_heard_by_somebody(shop: dict[str, Service]) -> None:
    assert set().union(*map(heard, shop.values())) == set(get_args(events.AnyEvent))


def test_my_page_hears_every_step_of_a_purchase(shop: dict[str, Service]) -> None:
    assert heard(shop["mypage"]) == set(get_args(events.AnyPurchaseEvent))


@pytest.mark.parametrize("name", SPECS)
def test_nobody_hears_himself(shop: dict[str, Service], name: str) -> None:
    assert not heard(shop[name]) & set(shop[name].publishes)


@pytest.mark.parametrize("name", SPECS)
def test_a_service_tells_in_one_topic(shop: dict[str, Service], name: str) -> None:
    assert len({event.topic for event in shop[name].publishes}) <= 1

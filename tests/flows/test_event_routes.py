"""Every event is published by one service and consumed by at least one other."""

from importlib import import_module
from typing import Any, get_args

import msgspec
import pytest

from roadbike.contracts import events
from roadbike.kit.auth import new_signing_key
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.service import Service
from roadbike.kit.pure.events import Event
from roadbike.local.services import SERVICES
from tests.service_harness import settings

SPECS = {spec.name: spec for spec in SERVICES}


def build(name: str) -> Service:
    """Build the service with arbitrary values for its required settings."""
    module = import_module(f"roadbike.{name}.app")
    known = settings(name, "sqlite+aiosqlite://")
    required = [field for field in msgspec.structs.fields(module.Settings) if field.required]
    own = {field.name: any_value(field) for field in required}
    service: Service = module.build(module.Settings(**own | known))
    return service


def any_value(field: msgspec.structs.FieldInfo) -> Any:
    if field.name.endswith("_key"):
        return Secret(new_signing_key("account/1"))
    url = "sqlite+aiosqlite://" if "journal" in field.name else "http://nowhere.invalid"
    return Secret(url) if field.type is Secret else url


@pytest.fixture(scope="module")
def shop() -> dict[str, Service]:
    return {name: build(name) for name in SPECS}


def consumed(service: Service) -> set[type[Event]]:
    return {policy.event for policy in service.policies}


@pytest.mark.parametrize("name", SPECS)
def test_a_service_publishes_its_own_events(shop: dict[str, Service], name: str) -> None:
    topic = SPECS[name].topic

    assert set(shop[name].publishes) == {
        event for event in get_args(events.AnyEvent) if event.topic == topic
    }


def test_every_event_is_published_by_exactly_one_service(shop: dict[str, Service]) -> None:
    published = [event for service in shop.values() for event in service.publishes]

    assert len(published) == len(set(published))
    assert set(published) == set(get_args(events.AnyEvent))


def test_every_event_is_consumed_by_a_service(shop: dict[str, Service]) -> None:
    assert set().union(*map(consumed, shop.values())) == set(get_args(events.AnyEvent))


def test_my_page_consumes_every_event_of_a_purchase(shop: dict[str, Service]) -> None:
    assert consumed(shop["mypage"]) == set(get_args(events.AnyPurchaseEvent))


@pytest.mark.parametrize("name", SPECS)
def test_a_service_does_not_consume_its_own_events(shop: dict[str, Service], name: str) -> None:
    assert not consumed(shop[name]) & set(shop[name].publishes)


@pytest.mark.parametrize("name", SPECS)
def test_a_service_publishes_to_one_topic(shop: dict[str, Service], name: str) -> None:
    assert len({event.topic for event in shop[name].publishes}) <= 1

"""docs/asyncapi.yaml is a valid AsyncAPI 3.0 document and says what the services do."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator
from msgspec import yaml

from roadbike.contracts.events import AnyEvent, StockAllocated
from roadbike.kit.messaging.broker.nats.envelope import headers_of
from tests.contracts.examples import EXAMPLES
from tests.service_harness import message
from tools.docs.asyncapi import HEADERS
from tools.docs.documents import ASYNCAPI
from tools.docs.services import build_all

OFFICIAL = Path(__file__).with_name("asyncapi-3.0.0.json")


@pytest.fixture(scope="session")
def validator() -> Draft7Validator:
    return Draft7Validator(json.loads(OFFICIAL.read_text()))


@pytest.fixture(scope="session")
def document(generated: dict[str, str]) -> Any:
    return yaml.decode(generated[ASYNCAPI])


def test_it_is_valid_by_the_official_schema(validator: Draft7Validator, document: Any) -> None:
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize("member", ["channels", "operations", "info"])
def test_a_broken_one_would_be_found(
    validator: Draft7Validator, document: Any, member: str
) -> None:
    assert not validator.is_valid(document | {member: [1]})
    assert not validator.is_valid(document | {"asyncapi": "2.6.0"})


def test_every_reference_leads_somewhere(document: Any) -> None:
    assert [ref for ref in references(document) if resolved(document, ref) is None] == []


def test_every_event_is_a_message(document: Any) -> None:
    messages = document["components"]["messages"]

    assert set(messages) == {event.__name__ for event in get_args(AnyEvent)}


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.__name__)
def test_an_example_of_each_event_fits_its_schema(document: Any, event: Any) -> None:
    golden = Path(__file__).parents[1] / "contracts" / "golden" / f"{event.__name__}.v1.json"
    schemas = document["components"]["schemas"]
    validator = Draft7Validator({**schemas[event.__name__], "components": {"schemas": schemas}})

    assert [error.message for error in validator.iter_errors(json.loads(golden.read_text()))] == []


def test_each_service_sends_and_receives_what_its_app_says(document: Any) -> None:
    said: dict[tuple[str, str], set[str]] = {}
    for operation in document["operations"].values():
        names = {ref["$ref"].rpartition("/")[2] for ref in operation["messages"]}
        said.setdefault((operation["tags"][0]["name"], operation["action"]), set()).update(names)

    for name, service in build_all().items():
        assert said.get((name, "send"), set()) == {one.__name__ for one in service.publishes}
        consumed = {policy.event.__name__ for policy in service.policies}
        assert said.get((name, "receive"), set()) == consumed


def test_the_headers_are_those_that_the_broker_carries() -> None:
    sent = headers_of(message(EXAMPLES[StockAllocated]))

    assert set(HEADERS["required"]) <= set(sent) <= set(HEADERS["properties"])
    assert Draft7Validator(HEADERS).is_valid(sent)


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [ref for each in node.values() for ref in references(each)]
    return [ref for each in node for ref in references(each)] if isinstance(node, list) else []


def resolved(document: Any, ref: str) -> Any:
    found = document
    for part in ref.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found

"""Events are only added to: what was published once is understood by every later version.

For a new event, or a new schema of one, add an example and run
`python -m tests.contracts.examples`.
"""

from typing import Any

import msgspec
import pytest

from roadbike.contracts.events import ShopEvent
from roadbike.kit.pure.events import Event
from tests.contracts.examples import EVENTS, EXAMPLES, GOLDEN, golden, golden_file, on_the_wire


def is_understood(published: dict[str, Any], event: type[Event]) -> bool:
    """Return whether today's event can be decoded from it and loses no field."""
    try:
        decoded = msgspec.json.decode(msgspec.json.encode(published), type=event)
    except msgspec.ValidationError:
        return False
    return on_the_wire(decoded).items() >= published.items()


def test_every_event_has_an_example_and_a_golden_file() -> None:
    assert set(EXAMPLES) == set(EVENTS)
    assert sorted(GOLDEN.iterdir()) == sorted(golden_file(event) for event in EVENTS)


def test_every_event_is_in_the_unions_that_consumers_match_on() -> None:
    assert set(EVENTS) == set(leaves(ShopEvent))


def leaves(base: type[ShopEvent]) -> list[type[ShopEvent]]:
    below = base.__subclasses__()
    return [leaf for each in below for leaf in leaves(each)] if below else [base]


@pytest.mark.parametrize("event", EVENTS)
def test_an_example_shows_every_field(event: type[Event]) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(event)}

    assert set(on_the_wire(EXAMPLES[event])) == fields


@pytest.mark.parametrize("event", EVENTS)
def test_what_was_published_once_is_still_understood(event: type[Event]) -> None:
    assert is_understood(golden(event), event)


@pytest.mark.parametrize("event", EVENTS)
def test_it_is_published_today_as_it_was_once(event: type[Event]) -> None:
    assert on_the_wire(EXAMPLES[event]).items() >= golden(event).items()


@pytest.mark.parametrize("event", EVENTS)
def test_missing_fields_are_filled_by_their_defaults(event: type[Event]) -> None:
    fields = msgspec.structs.fields(event)
    required = {field.encode_name for field in fields if field.required}
    least = {name: value for name, value in golden(event).items() if name in required}

    assert is_understood(least, event)


def variant(*fields: Any) -> Any:
    """The event after a careless change."""
    return msgspec.defstruct("Variant", fields, bases=(Event,), frozen=True, kw_only=True)


PUBLISHED = {"version": 1, "price": 5, "free": None}
CARELESS = {
    "a field removed": variant(("free", int | None, None)),
    "a field renamed": variant(("cost", int), ("free", int | None, None)),
    "a field of another type": variant(("price", str), ("free", int | None, None)),
    "a field that is no longer optional": variant(("price", int), ("free", int)),
    "a new field without a default": variant(
        ("price", int),
        ("free", int | None, None),
        ("colour", str),
    ),
}


@pytest.mark.parametrize("change", CARELESS)
def test_a_careless_change_is_found(change: str) -> None:
    careful = variant(("price", int), ("free", int | None, 1), ("colour", str, "red"))

    assert is_understood(PUBLISHED, careful)
    assert not is_understood(PUBLISHED, CARELESS[change])

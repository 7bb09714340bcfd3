"""The AsyncAPI 3.0 document: topics, messages, and which service sends or receives which."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final, get_args

import msgspec
from msgspec import yaml

from roadbike.kit.pure.events import Event
from roadbike.local.ports import HOST, Ports
from tools.docs.flow import Flow
from tools.docs.services import first_sentence, title, wire_fields

Json = dict[str, Any]

HEADERS: Final[Json] = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes, in the binary mode of its NATS binding. Events "
    "that are sent together are one message in the JSON batch format instead (decision 36).",
    "properties": {
        "Nats-Msg-Id": {
            "type": "string",
            "format": "uuid",
            "description": "The same as ce-id; the server recognises a repeated message by it.",
        },
        "ce-specversion": {"type": "string", "const": "1.0"},
        "ce-id": {"type": "string", "format": "uuid", "description": "The id of the event."},
        "ce-source": {"type": "string", "description": "The service that published the event."},
        "ce-type": {"type": "string", "examples": ["bike.ReservationRegistered.v1"]},
        "ce-subject": {"type": "string", "description": "The key: bikeId or reserveId."},
        "ce-time": {"type": "string", "format": "date-time", "description": "UTC."},
        "ce-traceparent": {"type": "string", "description": "W3C trace context, if there is one."},
    },
    "required": [
        *("Nats-Msg-Id", "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject"),
        "ce-time",
    ],
}
KEY: Final[Json] = {
    "description": "The key: bikeId for events of kind bike, reserveId for all others. "
    "The messages of one key are sent in the order in which they were published."
}
ABOUT: Final = """\
The events that the services of the shop exchange. A service publishes in the transaction that made
the event true (outbox); a relay sends it at least once, in order per key. Every consumer lets a
message take effect once, by its id (inbox). Fields are only ever added, with defaults.
This document is generated from `contracts/events.py` and the `app.py` of each service.
"""


def document(flow: Flow) -> str:
    """Return the document as YAML."""
    topics: dict[str, list[type[Event]]] = {}
    for event in flow.publishers:
        topics.setdefault(event.topic, []).append(event)
    whole: Json = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Road Bike Online-Center: events",
            "version": version("roadbike"),
            "description": " ".join(ABOUT.split()),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"oneMachine": _server()},
        "channels": {topic: _channel(topic, events) for topic, events in topics.items()},
        "operations": dict(_operations(flow, topics)),
        "components": {
            "messages": {event.__name__: _message(event) for event in flow.publishers},
            "schemas": {"Headers": HEADERS, **_schemas(list(flow.publishers))},
            "securitySchemes": {
                "password": {
                    "type": "userPassword",
                    "description": "One user per service; each may send on its own topic only.",
                }
            },
        },
    }
    return yaml.encode(whole).decode()


def _server() -> Json:
    return {
        "host": f"{HOST}:{Ports().nats}",
        "protocol": "nats",
        "description": "NATS JetStream, as `roadbike up` starts it.",
        "security": [{"$ref": "#/components/securitySchemes/password"}],
    }


def _channel(topic: str, events: Sequence[type[Event]]) -> Json:
    return {
        "address": f"{topic}.{{key}}",
        "title": topic,
        "description": f"The topic {topic}; in NATS the stream `{topic.replace('.', '-')}`.",
        "parameters": {"key": KEY},
        "messages": {
            event.__name__: {"$ref": f"#/components/messages/{event.__name__}"} for event in events
        },
    }


def _operations(
    flow: Flow, topics: Mapping[str, Sequence[type[Event]]]
) -> Sequence[tuple[str, Json]]:
    """Return what each service does: it sends on its own topic and receives from others."""
    found: list[tuple[str, Json]] = []
    for name, service in flow.services.items():
        consumed = {policy.event for policy in service.policies}
        for topic, events in topics.items():
            if sent := [event for event in events if event in service.publishes]:
                found.append((f"{name}.sends.{topic}", _operation(name, "send", topic, sent)))
            if received := [event for event in events if event in consumed]:
                operation = _operation(name, "receive", topic, received)
                found.append((f"{name}.receives.{topic}", operation))
    return found


def _operation(name: str, action: str, topic: str, events: Sequence[type[Event]]) -> Json:
    channel = f"#/channels/{topic}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "title": f"{title(name)} {action}s {topic}",
        "tags": [{"name": name}],
        "messages": [{"$ref": f"{channel}/messages/{event.__name__}"} for event in events],
    }


def _message(event: type[Event]) -> Json:
    return {
        "name": event.type_name(),
        "title": event.__name__,
        "summary": first_sentence(event.__doc__),
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
    }


def _schemas(events: Sequence[type[Event]]) -> Json:
    _, schemas = msgspec.json.schema_components(events, ref_template="#/components/schemas/{name}")
    for event in events:
        for name, field in wire_fields(event).items():
            if datetime in (get_args(field.type) or [field.type]):
                _note_time(schemas[event.__name__]["properties"][name])
    return schemas


def _note_time(schema: Json) -> None:
    """Say that a text is a time: msgspec says so only where the type demands a zone."""
    for option in schema.get("anyOf", [schema]):
        if option.get("type") == "string":
            option["format"] = "date-time"

"""The permissions of NATS users: of each service, of the set-up job, and of the audit."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from roadbike.kit.messaging.broker.nats.envelope import stream_of

START_OVER: Final = "SET_UP.START_OVER"  # then a stream: its publisher asks for a new generation

Permissions = dict[str, Any]


def permissions(service: str, topic: str | None, consumes: Collection[str] = ()) -> Permissions:
    """Return the `permissions` block of a service's user for nats.conf, where JSON is valid.

    topic: the one that the service publishes to, None if it publishes nothing. consumes: the
    topics that it reads, as the group that has its name. A service that does neither may do
    nothing at all.
    """
    allowed = [*(_publishing(topic) if topic else ()), *_consuming(service, consumes)]
    if not allowed:
        return {"publish": {"deny": [">"]}, "subscribe": {"deny": [">"]}}
    return {
        "publish": {"allow": allowed},
        "subscribe": {"allow": [f"{inbox_prefix(service)}.>"]},
    }


def set_up_permissions(user: str, topics: Mapping[str, Collection[str]]) -> Permissions:
    """Return the `permissions` block of the set-up job's user, which makes topics and groups.

    topics: the groups that consume each topic. It may neither send nor read events.
    """
    return {
        "publish": {
            "allow": [call for topic, groups in topics.items() for call in _making(topic, groups)]
        },
        "subscribe": {"allow": [f"{inbox_prefix(user)}.>", f"{START_OVER}.*"]},
        "allow_responses": True,  # to those who ask for a new generation
    }


def audit_permissions(user: str, topics: Iterable[str]) -> Permissions:
    """Return the `permissions` block of a user that may read what these topics hold, and no more.

    It is no group: what it reads is not consumed.
    """
    calls = ("INFO", "MSG.GET")
    return {
        "publish": {
            "allow": [
                f"$JS.API.STREAM.{call}.{stream_of(topic)}" for topic in topics for call in calls
            ]
        },
        "subscribe": {"allow": [f"{inbox_prefix(user)}.>"]},
    }


def inbox_prefix(user: str) -> str:
    """Return the prefix of subjects for replies to this user, which nobody else may read."""
    return f"_INBOX_{user}"


def _publishing(topic: str) -> Iterable[str]:
    stream = stream_of(topic)
    yield f"{topic}.>"
    yield from (f"$JS.API.STREAM.{call}.{stream}" for call in ("INFO", "MSG.GET", "PURGE"))
    yield f"$JS.API.CONSUMER.LIST.{stream}"
    yield f"{START_OVER}.{stream}"


def _consuming(group: str, topics: Iterable[str]) -> Iterable[str]:
    for stream in map(stream_of, topics):
        yield f"$JS.API.STREAM.INFO.{stream}"
        yield from (f"$JS.API.CONSUMER.{call}.{stream}.{group}" for call in ("INFO", "MSG.NEXT"))
        yield f"$JS.ACK.{stream}.{group}.>"


def _making(topic: str, groups: Iterable[str]) -> Iterable[str]:
    stream = stream_of(topic)
    yield from (f"$JS.API.STREAM.{call}.{stream}" for call in ("CREATE", "UPDATE", "INFO"))
    yield f"$JS.API.CONSUMER.LIST.{stream}"
    for group in groups:
        yield from (f"$JS.API.CONSUMER.{call}.{stream}.{group}" for call in ("CREATE", "DELETE"))

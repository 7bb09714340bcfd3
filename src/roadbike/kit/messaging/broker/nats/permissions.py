"""The permissions of a service's NATS user."""

from roadbike.kit.messaging.broker.nats.envelope import stream_of


def permissions(service: str, topic: str | None) -> dict[str, dict[str, list[str]]]:
    """Return the `permissions` block of the user for nats.conf, where JSON is valid.

    topic: the one that the service publishes to, None if it publishes nothing. Consuming is not
    limited to certain topics: the consumer that has the service's name may read any stream.
    """
    consuming = [
        f"$JS.API.CONSUMER.{call}.*.{service}"
        for call in ("CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT")
    ]
    return {
        "publish": {
            "allow": [
                "$JS.API.STREAM.INFO.*",
                *consuming,
                f"$JS.ACK.*.{service}.>",
                *(_publishing(topic) if topic else ()),
            ]
        },
        "subscribe": {"allow": [f"{inbox_prefix(service)}.>"]},
    }


def inbox_prefix(service: str) -> str:
    """Return the prefix of subjects for replies to this service, which only its user may read."""
    return f"_INBOX_{service}"


def _publishing(topic: str) -> list[str]:
    stream = stream_of(topic)
    return [
        f"{topic}.>",
        *(f"$JS.API.STREAM.{call}.{stream}" for call in ("CREATE", "UPDATE", "MSG.GET", "PURGE")),
        f"$JS.API.CONSUMER.LIST.{stream}",
    ]

"""What the NATS user of one service may do."""

from roadbike.kit.messaging.broker.nats.envelope import stream_of


def permissions(service: str, topic: str | None) -> dict[str, dict[str, list[str]]]:
    """The `permissions` block of the user, as nats.conf wants it (JSON is valid there).

    topic: the one that the service tells, None if it tells nothing. Hearing is not told apart by
    topic: any stream may be read, by the consumer that has the service's own name.
    """
    reading = [
        f"$JS.API.CONSUMER.{call}.*.{service}"
        for call in ("CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT")
    ]
    return {
        "publish": {
            "allow": [
                "$JS.API.STREAM.INFO.*",
                *reading,
                f"$JS.ACK.*.{service}.>",
                *(_telling(topic) if topic else ()),
            ]
        },
        "subscribe": {"allow": [f"{inbox_prefix(service)}.>"]},
    }


def inbox_prefix(service: str) -> str:
    """Where the server's answers to this service go; no other user may listen there."""
    return f"_INBOX_{service}"


def _telling(topic: str) -> list[str]:
    stream = stream_of(topic)
    return [
        f"{topic}.>",
        *(f"$JS.API.STREAM.{call}.{stream}" for call in ("CREATE", "UPDATE", "MSG.GET", "PURGE")),
        f"$JS.API.CONSUMER.LIST.{stream}",
    ]

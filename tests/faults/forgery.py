"""Send forged events to the broker, as an attacker with the password of one service could."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import nats
from nats.aio.client import Client

from roadbike.local import shop_file
from tests.system.real_shop import Shop


@asynccontextmanager
async def broker_user(shop: Shop, service: str) -> AsyncIterator[Client]:
    """Connect to the shop's NATS server as the user of one service."""
    client = await nats.connect(
        shop_file.read_known(shop.home).brokers[service],
        inbox_prefix=f"_INBOX_{service}".encode(),
        error_cb=_ignore,
        allow_reconnect=False,
    )
    try:
        yield client
    finally:
        await client.close()


async def forge(
    client: Client,
    subject: str,
    *,
    type: str,  # noqa: A002 the name that CloudEvents gives it
    source: str,
    data: object,
    event_id: str | None = None,
) -> dict[str, Any]:
    """Publish one event; return what JetStream answers. The key is the subject's last part."""
    envelope = {
        "Nats-Msg-Id": str(uuid4()),
        "ce-specversion": "1.0",
        "ce-id": event_id or str(uuid4()),
        "ce-source": source,
        "ce-type": type,
        "ce-subject": subject.rpartition(".")[2],
        "ce-time": datetime.now(UTC).isoformat(),
    }
    body = json.dumps(data).encode()
    answer = await client.request(subject, body, timeout=3, headers=envelope)
    found: dict[str, Any] = json.loads(answer.data)
    return found


async def call(client: Client, what: str, body: object = None) -> dict[str, Any]:
    """Call JetStream's own API; return its answer, an error included.

    A call that this user may not make gets no answer: then this is the error.
    """
    try:
        answer = await client.request(f"$JS.API.{what}", json.dumps(body or {}).encode(), timeout=3)
    except TimeoutError:
        return {"error": {"description": "no answer: not permitted"}}
    found: dict[str, Any] = json.loads(answer.data)
    return found


async def stored(client: Client, stream: str, position: int) -> dict[str, Any]:
    """Return one message of a stream with decoded `headers` and `data`; empty if it is gone."""
    answer = await call(client, f"STREAM.MSG.GET.{stream}", {"seq": position})
    message: dict[str, Any] = answer.get("message", {})
    lines = base64.b64decode(message.get("hdrs", "")).decode().splitlines()
    message["headers"] = dict(line.split(": ", 1) for line in lines if ": " in line)
    message["data"] = base64.b64decode(message.get("data", "")).decode(errors="replace")
    return message


async def last_position(client: Client, stream: str) -> int:
    state = (await call(client, f"STREAM.INFO.{stream}"))["state"]
    return int(state["last_seq"])


async def _ignore(_error: Exception) -> None:
    """A permission that is denied is measured, not logged."""

"""`roadbike set-up-broker`: make the topics and groups of all services at the broker."""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from roadbike.kit.messaging.broker import BrokerUnavailable
from roadbike.kit.process import settings
from roadbike.local import services, shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.jobs import broker
from roadbike.local.servers import kafka

WITHIN_SECONDS: Final = 10.0


class Chosen(msgspec.Struct, frozen=True):
    """The setting of this command; see environment.py."""

    ack_wait_seconds: Annotated[float, Meta(ge=1, le=3600)] = 30


def set_up(home: Home, environ: Mapping[str, str], *, keep: bool) -> int:
    """Return the number of topics; with `keep`, never. Raises CommandError, SettingError."""
    topics = services.topics()
    ack_wait = settings.read(Chosen, environ).ack_wait_seconds
    if "ROADBIKE_BROKER_URL" not in environ and "ROADBIKE_BROKER_URL_FILE" not in environ:
        ack_wait = services.ACK_WAIT_SECONDS  # an open shop's groups stay as they are
    url = shop_file.broker(home, environ)
    made = kafka.making(environ)  # what is of Kafka only means nothing on NATS
    if keep:
        broker.keep_set_up(url=url, topics=topics, ack_wait=ack_wait, kafka=made)
    try:
        broker.set_up(url=url, topics=topics, ack_wait=ack_wait, within=WITHIN_SECONDS, kafka=made)
    except BrokerUnavailable as error:
        raise CommandError("broker-not-set-up", error=error) from None
    return len(topics)

"""A Kafka that runs outside of the shop: how it is found, and how topics are made there."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import Meta

from roadbike.kit import urls
from roadbike.kit.process import settings
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.setting_values import Form

COPIES: Final = 3  # of each event, where nothing else is set
IN_SYNC: Final = 2


class Broker(msgspec.Struct, frozen=True):
    """The settings that say whether there is one, and as whom the audit reads it."""

    broker_url: Secret = Secret("")
    audit_broker_url: Secret = Secret("")
    FORMS: ClassVar[Mapping[str, Form]] = {
        "broker_url": urls.broker_url,
        "audit_broker_url": urls.broker_url,
    }


class Chosen(msgspec.Struct, frozen=True):
    """The settings of the job that makes topics; see environment.py."""

    broker_ca: str = ""
    broker_sasl: urls.Mechanism = urls.DEFAULT_MECHANISM
    kafka_partitions: Annotated[int, Meta(ge=1, le=1000)] = 6
    kafka_replication: Annotated[int, Meta(ge=1, le=100)] | None = None
    kafka_min_in_sync: Annotated[int, Meta(ge=1, le=100)] | None = None
    kafka_retention_hours: Annotated[int, Meta(ge=1, le=1_000_000)] = 168


def url(environ: Mapping[str, str]) -> str | None:
    """Return the URL of a Kafka that the environment names; None when it names none.

    Raises SettingError.
    """
    named = settings.read(Broker, environ).broker_url.reveal()
    return named if named.partition("://")[0] in urls.KAFKA else None


def audit_url(environ: Mapping[str, str]) -> str | None:
    """Return the URL with which the audit reads it, as `url`; None when there is no Kafka."""
    everybody = url(environ)
    return everybody and (settings.read(Broker, environ).audit_broker_url.reveal() or everybody)


def access(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the certificates and the SASL mechanism of its settings. Raises SettingError."""
    chosen = settings.read(Chosen, environ)
    return chosen.broker_ca, chosen.broker_sasl


def making(environ: Mapping[str, str], *, copies: int = COPIES) -> dict[str, Any]:
    """Return what a job needs to make topics: `ca`, `mechanism` and `topics`, see TopicOptions.

    copies: of each event, where no setting says it. Raises SettingError.
    """
    chosen = settings.read(Chosen, environ)
    replication = chosen.kafka_replication or copies
    topics = {
        "partitions": chosen.kafka_partitions,
        "replication": replication,
        "min_in_sync": chosen.kafka_min_in_sync or min(IN_SYNC, replication),
        "hours": chosen.kafka_retention_hours,
    }
    return {"ca": chosen.broker_ca, "mechanism": chosen.broker_sasl, "topics": topics}

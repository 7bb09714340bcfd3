"""Settings, read once from the environment; a wrong one is named in one line."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from typing import Annotated, ClassVar, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from roadbike.kit import urls
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.setting_faults import SettingError, SettingFault, fault
from roadbike.kit.process.setting_values import FILE_SUFFIX, PREFIX, Form, value_of, variable
from roadbike.kit.pure import texts
from roadbike.kit.pure.idle import DRAIN_MS

__all__ = [
    "ONE_MACHINE",
    "Limit",
    "ServiceSettings",
    "check_names",
    "read",
    "variable",
]

T = TypeVar("T", bound=msgspec.Struct)

REPLICA: Final = r"\A[A-Za-z0-9._-]{0,100}\Z"
CRASH_PLAN: Final = r"\A[a-z_.]+:[1-9][0-9]*(,[a-z_.]+:[1-9][0-9]*)*\Z"
ONE_MACHINE: Final = "one-machine"  # part of the kid of every key that is not for production
SHED_LAG_MS: Final = 100
SIMILARITY: Final = 0.75  # difflib's ratio from which an unknown name is a misspelt one


Limit = Annotated[int, Meta(ge=0, le=1_000_000)] | None
"""A limit as it was set: 0 is off, None takes the default of ROADBIKE_ENV."""


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that every service has. Descriptions are printed in docs/settings.md."""

    env: Annotated[
        Literal["local", "production"],
        Meta(description="Production refuses keys of one-machine mode and simulated payments."),
    ] = "local"
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65535, description="Port to listen on; 0 means any free one.")
    ]
    database_url: Annotated[
        Secret,
        Meta(
            description="Its own database: postgresql+asyncpg://…, mariadb+asyncmy://… or "
            "sqlite+aiosqlite://…. ?ca=FILE behind the name is TLS, verified with that file (PEM)."
        ),
    ]
    broker_url: Annotated[
        Secret,
        Meta(
            description="The broker: nats://user:password@host:port, or for Kafka "
            "kafka://host:port,host:port with user:password@ before the hosts for SASL; with "
            "nats+tls:// or kafka+tls:// for TLS."
        ),
    ]
    broker_ca: Annotated[
        str,
        Meta(
            description="Certificates (PEM) of the broker's authority, for TLS; else the system's."
        ),
    ] = ""
    broker_sasl: Annotated[
        urls.Mechanism,
        Meta(description="How Kafka's servers check user and password. PLAIN only with kafka+tls."),
    ] = urls.DEFAULT_MECHANISM
    event_batches: Annotated[
        Literal["auto", "on", "off"],
        Meta(
            description="Whether several events are sent in one message on NATS. Not on before "
            "every service that consumes them reads such messages; off before services of before "
            "come back. `auto` is off in production, else on."
        ),
    ] = "auto"
    replicas: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000,
            description="How many processes of this service run at most, during an upgrade too: "
            "the connections of all of them must fit into what the database allows",
        ),
    ] = 1
    replica: Annotated[
        str,
        Meta(
            pattern=REPLICA,
            description="Name of this process among those of the service, the same after a "
            "restart: then a restart moves no partitions on Kafka.",
        ),
    ] = ""
    account_url: Annotated[
        str,
        Meta(description="URL of the service that issues access tokens and publishes their keys."),
    ]
    service_key: Annotated[
        Secret,
        Meta(description="Private key for internal calls: a JWK (Ed25519) with a kid."),
    ]
    account_keys: Annotated[
        str,
        Meta(
            description="Public keys of that service: a JWKS. Only keys that are signed with one "
            "of them, directly or in a chain, are ever added from the network."
        ),
    ]
    token_max_lifetime_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=86_400,
            description="The longest life of an access token that is accepted.",
        ),
    ] = 600
    caller_keys: Annotated[
        str, Meta(description="Public keys of the services that may call /internal: a JWKS.")
    ] = '{"keys": []}'
    ca: Annotated[
        str,
        Meta(
            description="Certificates (PEM) of the authority that signs those of the services, "
            "for https URLs; without it, those of the system."
        ),
    ] = ""
    tls_cert: Annotated[
        str,
        Meta(
            description="Its own certificate and the chain (PEM): then it serves HTTPS, not HTTP."
        ),
    ] = ""
    tls_key: Annotated[Secret, Meta(description="The private key of that certificate (PEM).")] = (
        Secret("")
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least severe events that are logged."),
    ] = "info"
    trusted_hops: Annotated[
        int,
        Meta(
            ge=0,
            le=5,
            description="Number of our own proxies in front, the gateway included. Not 0, it "
            "needs ROADBIKE_GATEWAY_KEY.",
        ),
    ] = 0
    max_connections: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Connections of clients that are open at a time; further ones get 503.",
        ),
    ] = 4096
    read_timeout_seconds: Annotated[
        float,
        Meta(
            ge=0.1,
            le=3600,
            description="How long a whole request may take to arrive.",
        ),
    ] = 10
    gateway_key: Annotated[
        Secret,
        Meta(
            description="What the gateway sends in the header X-Gateway-Key: only in requests "
            "with it, X-Forwarded-For is believed."
        ),
    ] = Secret("")
    writes_per_minute: Annotated[
        Limit,
        Meta(
            description="Requests of one buyer that may change something, per minute and process; "
            "then 429. 0 is off. By default 60 in production, else off."
        ),
    ] = None
    shed_lag_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=60_000,
            description="How late the event loop may be (p95 of two seconds) before reads and "
            "reservations are refused with 503. 0 is never.",
        ),
    ] = SHED_LAG_MS
    drain_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=60_000,
            description="How long a service that stops still answers new requests. Less than 2500 "
            "may cut connections: it is longer than two health checks of the gateway, and than "
            "clients keep an idle connection.",
        ),
    ] = DRAIN_MS
    crash: Annotated[
        str,
        Meta(
            pattern=CRASH_PLAN,
            description="Tests only: where the process ends as by kill -9, `point:n[,point:n…]`.",
        ),
    ] = ""

    FORMS: ClassVar[Mapping[str, Form]] = {
        "host": urls.host,
        "database_url": urls.database_url,
        "broker_url": urls.broker_url,
        "account_url": urls.service_url,
    }

    def conflicts(self) -> Iterator[SettingFault]:
        """Yield what is wrong with settings that belong together. Services add their own."""
        if self.trusted_hops and not self.gateway_key.reveal():
            name, other = "ROADBIKE_TRUSTED_HOPS", "ROADBIKE_GATEWAY_KEY"
            yield fault("setting-needs", name=name, other=other)
        if self.env == "production":
            yield from _one_machine_keys(self)

    @property
    def sends_batches(self) -> bool:
        """Return whether several events may be sent in one message of the broker."""
        if self.event_batches == "auto":
            return self.env != "production"
        return self.event_batches == "on"

    def limit(self, chosen: int | None, in_production: int) -> int:
        """Return the limit: as chosen, else `in_production` there and 0 (off) elsewhere."""
        if chosen is not None:
            return chosen
        return in_production if self.env == "production" else 0


def read(type_: type[T], environ: Mapping[str, str]) -> T:
    """Return the settings of that type.

    The field `port` is read from ROADBIKE_PORT, or from the file that ROADBIKE_PORT_FILE names.
    A field with an encoded name of its own (G_STORE) is read from the variable of that name. An
    empty variable counts as not set.
    Raises SettingError, which names every variable that is missing or wrong.
    """
    faults: list[SettingFault] = []
    given: dict[str, object] = {}
    rules, forms = texts.rules(type_), getattr(type_, "FORMS", {})
    for field in msgspec.structs.fields(type_):
        rule, form = rules.get(field.encode_name), forms.get(field.name)
        try:
            value = value_of(field, environ, rule.apply if rule else form)
        except SettingError as error:
            faults.extend(error.faults)
        else:
            given |= {} if value is None else {field.encode_name: value}
    if faults:
        raise SettingError(*faults)
    settings = msgspec.convert(given, type_, dec_hook=_as_it_is)
    if isinstance(settings, ServiceSettings) and (conflicts := list(settings.conflicts())):
        raise SettingError(*conflicts)
    return settings


def check_names(environ: Mapping[str, str], known: AbstractSet[str]) -> list[str]:
    """Return the ROADBIKE_… names in the environment that are neither known nor misspelt, sorted.

    known: the names of all variables that the application reads; each may end in _FILE too.
    Raises SettingError for unknown names that are similar to a known one: they are misspelt.
    """
    given = {name for name in environ if name.startswith(PREFIX)}
    unknown = sorted(name for name in given if name.removesuffix(FILE_SUFFIX) not in known)
    meant = {name: _most_similar(name.removesuffix(FILE_SUFFIX), known) for name in unknown}
    if faults := [
        fault("setting-unknown", name=name, meant=other) for name, other in meant.items() if other
    ]:
        raise SettingError(*faults)
    return unknown


def _most_similar(name: str, known: AbstractSet[str]) -> str | None:
    words = sorted(each.removeprefix(PREFIX) for each in known if each.startswith(PREFIX))
    similar = get_close_matches(name.removeprefix(PREFIX), words, n=1, cutoff=SIMILARITY)
    return PREFIX + similar[0] if similar else None


def _one_machine_keys(settings: "ServiceSettings") -> Iterator[SettingFault]:
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        text = value.reveal() if isinstance(value, Secret) else str(value)
        if field.name.endswith(("_key", "_keys")) and ONE_MACHINE in text:
            yield fault("setting-one-machine-key", name=variable(field))


def _as_it_is(_type: type, value: object) -> object:
    return value

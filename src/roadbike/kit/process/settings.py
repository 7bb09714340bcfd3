"""Settings, read once from the environment; a wrong one is named in one line."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from roadbike.kit.process.secret import Secret
from roadbike.kit.pure import texts
from roadbike.kit.pure.idle import DRAIN_MS

T = TypeVar("T", bound=msgspec.Struct)

PREFIX: Final = "ROADBIKE_"
FILE_SUFFIX: Final = "_FILE"  # names the file that holds the value
CRASH_PLAN: Final = r"\A[a-z_.]+:[1-9][0-9]*(,[a-z_.]+:[1-9][0-9]*)*\Z"
ONE_MACHINE: Final = "one-machine"  # part of the kid of every key that is not for production
SIMILARITY: Final = 0.75  # difflib's ratio from which an unknown name is a misspelt one


Limit = Annotated[int, Meta(ge=0, le=1_000_000)] | None
"""A limit as it was set: 0 is off, None takes the default of ROADBIKE_ENV."""


class SettingError(Exception):
    """A setting is missing, wrong or misspelt; the message names it and says what to do."""


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
        Meta(description="Its own database: postgresql+asyncpg://… or sqlite+aiosqlite://…"),
    ]
    broker_url: Annotated[Secret, Meta(description="The broker: nats://user:password@host:port.")]
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
    Raises SettingError, which names the variable, when a setting is missing or wrong.
    """
    fields = msgspec.structs.fields(type_)
    values = {f.encode_name: _value(variable(f), environ) for f in fields}
    given = {name: value for name, value in values.items() if value is not None}
    given |= _texts(type_, given, fields)
    for field in fields:
        if field.required and field.encode_name not in given:
            raise SettingError(f"{variable(field)} is missing: set it, or {variable(field)}_FILE")
    settings = _converted(type_, given, fields)
    if isinstance(settings, ServiceSettings):
        _refuse_one_machine_keys(settings, fields, given)
        _refuse_unknown_gateway(settings)
    return settings


def variable(field: msgspec.structs.FieldInfo) -> str:
    """Return the name of the environment variable that holds this field."""
    own = field.encode_name != field.name
    return field.encode_name if own else PREFIX + field.name.upper()


def check_names(environ: Mapping[str, str], known: AbstractSet[str]) -> list[str]:
    """Return the ROADBIKE_… names in the environment that are neither known nor misspelt, sorted.

    known: the names of all variables that the application reads; each may end in _FILE too.
    Raises SettingError for an unknown name that is similar to a known one: it is misspelt.
    """
    given = {name for name in environ if name.startswith(PREFIX)}
    unknown = sorted(name for name in given if name.removesuffix(FILE_SUFFIX) not in known)
    for name in unknown:
        if meant := _most_similar(name.removesuffix(FILE_SUFFIX), known):
            raise SettingError(f"{name} is not a setting: did you mean {meant}?")
    return unknown


def _most_similar(name: str, known: AbstractSet[str]) -> str | None:
    words = sorted(each.removeprefix(PREFIX) for each in known if each.startswith(PREFIX))
    similar = get_close_matches(name.removeprefix(PREFIX), words, n=1, cutoff=SIMILARITY)
    return PREFIX + similar[0] if similar else None


def _value(name: str, environ: Mapping[str, str]) -> str | None:
    if environ.get(name):
        return environ[name]
    path = environ.get(name + FILE_SUFFIX)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise SettingError(f"{name}_FILE names {path}, which cannot be read: {error}") from None
    except UnicodeDecodeError:
        raise SettingError(f"{name}_FILE names {path}, which is not UTF-8 text") from None


def _texts(
    type_: type[T], given: Mapping[str, str], fields: tuple[msgspec.structs.FieldInfo, ...]
) -> dict[str, str]:
    """Return the settings that are declared as lines, as such."""
    checked = {}
    for name, rule in texts.rules(type_).items():
        if name in given:
            try:
                checked[name] = rule.apply(given[name])
            except texts.UnusableText:
                culprit = next(f for f in fields if f.encode_name == name)
                raise SettingError(
                    f"{variable(culprit)} is wrong: it needs one line of visible text"
                ) from None
    return checked


def _converted(
    type_: type[T], given: Mapping[str, Any], fields: tuple[msgspec.structs.FieldInfo, ...]
) -> T:
    try:
        return msgspec.convert(given, type_, strict=False, dec_hook=_secret)
    except msgspec.ValidationError as error:
        culprit = next((f for f in fields if f"`$.{f.encode_name}`" in str(error)), fields[0])
        reason = str(error).partition(" - at")[0]
        raise SettingError(f"{variable(culprit)} is wrong: {reason}") from None


def _secret(type_: type, value: object) -> object:
    if type_ is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(type_)


def _refuse_unknown_gateway(settings: ServiceSettings) -> None:
    if settings.trusted_hops and not settings.gateway_key.reveal():
        raise SettingError(
            "ROADBIKE_TRUSTED_HOPS needs ROADBIKE_GATEWAY_KEY: anybody could forge an address"
        )


def _refuse_one_machine_keys(
    settings: ServiceSettings,
    fields: tuple[msgspec.structs.FieldInfo, ...],
    given: Mapping[str, str],
) -> None:
    if settings.env != "production":
        return
    for field in fields:
        is_key = field.name.endswith(("_key", "_keys"))
        if is_key and ONE_MACHINE in given.get(field.encode_name, ""):
            raise SettingError(
                f"{variable(field)} was made for one machine: make a key for production"
            )

"""Settings: read once from the environment, a wrong one named in one line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T", bound=msgspec.Struct)

PREFIX: Final = "ROADBIKE_"
CRASHES: Final = r"\A[a-z_.]+:[1-9][0-9]*(,[a-z_.]+:[1-9][0-9]*)*\Z"
ONE_MACHINE: Final = "one-machine"  # stands in the id of each key that the one-machine mode made


class SettingError(Exception):
    """A setting is missing or wrong; the message names it and says what to do."""


class Secret:
    """A text that never shows in a log, a traceback or an answer: it is no string at all."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What every service is told by its environment."""

    env: Literal["local", "production"] = "local"
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)]
    database_url: Secret
    broker_url: Secret
    account_url: str
    service_key: Secret  # this service's own key pair: a JWK (Ed25519, private) with a kid
    caller_keys: str = '{"keys": []}'  # public keys (JWKS) of the callers of /internal
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    trusted_hops: Annotated[int, Meta(ge=0, le=5)] = 0  # proxies of ours in front of it
    drain_ms: Annotated[int, Meta(ge=0, le=60_000)] = 300  # not ready, but still answering
    ack_wait_s: Annotated[float, Meta(ge=1, le=3600)] = 30  # until a dead replica's messages move
    crash: Annotated[str, Meta(pattern=CRASHES)] = ""  # crash points of a test, `name:n[,name:n…]`


def read(type_: type[T], environ: Mapping[str, str]) -> T:
    """Settings of that type.

    A field `port` is ROADBIKE_PORT, or the text in the file that ROADBIKE_PORT_FILE names.
    A field with an encoded name of its own (G_STORE) is read under that one. An empty variable
    is as good as none.
    Raises SettingError, naming the variable.
    """
    fields = msgspec.structs.fields(type_)
    values = {f.encode_name: _value(variable(f), environ) for f in fields}
    given = {name: value for name, value in values.items() if value is not None}
    for field in fields:
        if field.required and field.encode_name not in given:
            raise SettingError(f"{variable(field)} is missing: set it, or {variable(field)}_FILE")
    settings = _converted(type_, given, fields)
    if isinstance(settings, ServiceSettings):
        _refuse_one_machine_keys(settings, fields, given)
    return settings


def variable(field: msgspec.structs.FieldInfo) -> str:
    """The name of the environment variable that holds this field."""
    own = field.encode_name != field.name
    return field.encode_name if own else PREFIX + field.name.upper()


def _value(name: str, environ: Mapping[str, str]) -> str | None:
    if environ.get(name):
        return environ[name]
    path = environ.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise SettingError(f"{name}_FILE names {path}, which cannot be read: {error}") from None
    except UnicodeDecodeError:
        raise SettingError(f"{name}_FILE names {path}, which is no text in UTF-8") from None


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

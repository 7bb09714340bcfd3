"""A wrong or misspelt setting is named in one line; a secret one is never shown."""

import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import structlog

from roadbike.kit.process.secret import Secret
from roadbike.kit.process.server import WRITES_PER_MINUTE
from roadbike.kit.process.setting_faults import SettingError
from roadbike.kit.process.settings import ServiceSettings, check_names, read

VALUE = "correct-horse"


class Small(msgspec.Struct, frozen=True, kw_only=True):
    port: Annotated[int, msgspec.Meta(ge=1, le=9)]
    password: Secret
    store: str = msgspec.field(default="here", name="G_STORE")
    loud: bool = False


REQUIRED = {"ROADBIKE_PORT": "8", "ROADBIKE_PASSWORD": VALUE}
SERVICE = {
    "ROADBIKE_PORT": "8081",
    "ROADBIKE_DATABASE_URL": "sqlite+aiosqlite://",
    "ROADBIKE_BROKER_URL": "memory://x",
    "ROADBIKE_ACCOUNT_URL": "http://127.0.0.1:8086",
    "ROADBIKE_ACCOUNT_KEYS": '{"keys": []}',
    "ROADBIKE_SERVICE_KEY": '{"kid":"stock/one-machine"}',
}


def test_each_field_is_read_from_its_variable() -> None:
    settings = read(Small, REQUIRED | {"G_STORE": "there", "ROADBIKE_LOUD": "true"})

    assert (settings.port, settings.password.reveal()) == (8, VALUE)
    assert (settings.store, settings.loud) == ("there", True)


def test_a_setting_that_is_not_given_has_its_default() -> None:
    assert (read(Small, REQUIRED).store, read(Small, REQUIRED).loud) == ("here", False)


def test_a_variable_may_name_a_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{VALUE}\n", encoding="utf-8")

    settings = read(Small, {"ROADBIKE_PORT": "8", "ROADBIKE_PASSWORD_FILE": str(path)})

    assert settings.password.reveal() == VALUE


def test_a_field_with_its_own_name_may_be_read_from_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.write_text("분당야탑점", encoding="utf-8")

    assert read(Small, REQUIRED | {"G_STORE_FILE": str(path)}).store == "분당야탑점"


def test_the_variable_takes_precedence_over_the_file(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")

    assert read(Small, REQUIRED | {"ROADBIKE_PORT_FILE": missing}).port == 8


@pytest.mark.parametrize(
    ("changed", "name", "reason"),
    [
        ({"ROADBIKE_PORT": None}, "ROADBIKE_PORT", "missing"),
        ({"ROADBIKE_PASSWORD": None}, "ROADBIKE_PASSWORD", "missing"),
        ({"ROADBIKE_PASSWORD": ""}, "ROADBIKE_PASSWORD", "missing"),
        ({"ROADBIKE_PORT": "x"}, "ROADBIKE_PORT", "a whole number"),
        ({"ROADBIKE_PORT": "0"}, "ROADBIKE_PORT", "1 or more"),
        ({"ROADBIKE_PORT": "10"}, "ROADBIKE_PORT", "9 or less"),
        ({"ROADBIKE_PORT": "1.5"}, "ROADBIKE_PORT", "a whole number"),
        ({"ROADBIKE_LOUD": "perhaps"}, "ROADBIKE_LOUD", "true or false"),
        ({"G_STORE": None, "G_STORE_FILE": "/no/such/file"}, "G_STORE_FILE", "/no/such/file"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    changed: dict[str, str | None], name: str, reason: str
) -> None:
    environ = {key: value for key, value in (REQUIRED | changed).items() if value is not None}

    with pytest.raises(SettingError) as caught:
        read(Small, environ)

    line = str(caught.value)
    assert line.startswith(name)
    assert reason in line
    assert "\n" not in line
    assert VALUE not in line


def test_an_empty_variable_counts_as_not_set() -> None:
    environ = REQUIRED | {"G_STORE": "", "ROADBIKE_LOUD": ""}

    assert (read(Small, environ).store, read(Small, environ).loud) == ("here", False)


@pytest.mark.parametrize("content", [b"\xff\xfe" + VALUE.encode(), None])
def test_a_file_that_is_not_text_is_named_and_its_content_not_shown(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "password"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)

    with pytest.raises(SettingError, match="ROADBIKE_PASSWORD_FILE") as caught:
        read(Small, {"ROADBIKE_PORT": "8", "ROADBIKE_PASSWORD_FILE": str(path)})

    assert VALUE not in "".join(traceback.format_exception(caught.value))


def _logged(secret: Secret) -> str:
    """Return the line that kit.logs makes structlog write."""
    rendered = structlog.processors.JSONRenderer()(None, "info", {"event": "x", "it": secret})
    return str(rendered)


TEXTS: dict[str, Callable[[Secret], object]] = {
    "repr": repr,
    "str": str,
    "format": lambda s: f"{s}",
    "format with repr": lambda s: f"{s!r:>40}",
    "percent": lambda s: "%s %40s %r" % (s, s, s),  # noqa: UP031
    "in a list": lambda s: str([s, {"a": s}]),
    "in a struct": lambda s: repr(read(Small, REQUIRED | {"ROADBIKE_PASSWORD": s.reveal()})),
    "structlog": _logged,
    "logging": lambda s: logging.LogRecord("x", 20, "x", 1, "%s", (s,), None).getMessage(),
    "an exception": lambda s: traceback.format_exception(ValueError(s)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_secret_is_never_shown(name: str) -> None:
    assert VALUE not in str(TEXTS[name](Secret(VALUE)))


ENCODED: dict[str, Callable[[Any], object]] = {
    "msgspec": lambda s: msgspec.json.encode({"a": s}),
    "msgspec of a struct": lambda s: msgspec.json.encode(Small(port=1, password=s)),
    "format with a width": lambda s: f"{s:>40}",
    "json": lambda s: json.dumps({"a": s}),
    "join": "".join,
    "concatenation": lambda s: "a" + s,
}


@pytest.mark.parametrize("name", ENCODED)
def test_a_secret_cannot_be_encoded_or_joined(name: str) -> None:
    with pytest.raises(TypeError) as caught:
        ENCODED[name](Secret(VALUE))

    assert VALUE not in str(caught.value)


def test_a_secret_is_not_in_a_traceback_with_local_variables() -> None:
    def fail(settings: Small) -> None:
        password = settings.password
        raise RuntimeError(settings, password)

    with pytest.raises(RuntimeError) as caught:
        fail(read(Small, REQUIRED))

    frames = caught.traceback[-1].frame.f_locals
    shown = [*traceback.format_exception(caught.value), repr(frames)]
    assert VALUE not in "".join(shown)


def test_secrets_are_compared_by_their_values() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE)}) == 1


def test_settings_are_immutable() -> None:
    settings = read(Small, REQUIRED)

    with pytest.raises(AttributeError):
        settings.port = 9  # type: ignore[misc]


def test_one_machine_keys_are_accepted_in_the_local_environment() -> None:
    assert read(ServiceSettings, SERVICE).env == "local"


@pytest.mark.parametrize("name", ["SERVICE_KEY", "CALLER_KEYS"])
def test_production_refuses_one_machine_keys(name: str) -> None:
    keys = {"ROADBIKE_SERVICE_KEY": '{"kid":"stock/1"}', "ROADBIKE_CALLER_KEYS": '{"keys":[]}'}
    good = SERVICE | keys | {"ROADBIKE_ENV": "production"}
    bad = good | {f"ROADBIKE_{name}": '{"kid":"stock/one-machine"}'}

    assert read(ServiceSettings, good).env == "production"
    with pytest.raises(SettingError, match=f"^ROADBIKE_{name} .*one machine"):
        read(ServiceSettings, bad)


class WithSigningKey(ServiceSettings, frozen=True, kw_only=True):
    signing_key: Secret


def test_production_refuses_one_machine_keys_in_every_key_setting() -> None:
    environ = SERVICE | {
        "ROADBIKE_ENV": "production",
        "ROADBIKE_SERVICE_KEY": '{"kid":"account/1"}',
        "ROADBIKE_SIGNING_KEY": '{"kid":"signing/one-machine"}',
    }

    with pytest.raises(SettingError, match=r"^ROADBIKE_SIGNING_KEY"):
        read(WithSigningKey, environ)


@pytest.mark.parametrize("plan", ["a", "a:", "a:x", "a:0", ":", "a:1,"])
def test_a_malformed_crash_plan_is_refused(plan: str) -> None:
    with pytest.raises(SettingError, match=r"^ROADBIKE_CRASH is wrong"):
        read(ServiceSettings, SERVICE | {"ROADBIKE_CRASH": plan})


def test_a_crash_plan_may_name_several_points() -> None:
    plan = "reserve.after_take_pending:1,relay.before_send:12"

    assert read(ServiceSettings, SERVICE | {"ROADBIKE_CRASH": plan}).crash == plan


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(SettingError, match=r"^ROADBIKE_ENV .* one of local, production$"):
        read(ServiceSettings, SERVICE | {"ROADBIKE_ENV": "staging"})


KNOWN = frozenset({"ROADBIKE_PORT", "ROADBIKE_OVERBOOK", "ROADBIKE_SERVICE_KEY", "G_STORE"})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ROADBIKE_PROT", "ROADBIKE_PORT"),
        ("ROADBIKE_OVERBOKK", "ROADBIKE_OVERBOOK"),
        ("ROADBIKE_OVER_BOOK", "ROADBIKE_OVERBOOK"),
        ("ROADBIKE_SERVICE_KEYFILE", "ROADBIKE_SERVICE_KEY"),
        ("ROADBIKE_SERVCE_KEY_FILE", "ROADBIKE_SERVICE_KEY"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_name_that_was_meant(name: str, meant: str) -> None:
    with pytest.raises(SettingError, match=f"^{name} is not a setting: .* {meant}[?]$"):
        check_names({name: VALUE, "ROADBIKE_PORT": "8"}, KNOWN)


def test_other_unknown_names_are_returned() -> None:
    environ = {
        "ROADBIKE_PORT": "8",
        "ROADBIKE_SERVICE_KEY_FILE": "/keys/stock.json",
        "ROADBIKE_CI_CLEAN": "1",
        "ROADBIKE_": "",
        "G_STOER": "",
        "PATH": "/bin",
    }

    assert check_names(environ, KNOWN) == ["ROADBIKE_", "ROADBIKE_CI_CLEAN"]


def test_an_address_from_the_gateway_needs_its_key() -> None:
    behind = SERVICE | {"ROADBIKE_TRUSTED_HOPS": "1"}

    with pytest.raises(SettingError, match=r"^ROADBIKE_TRUSTED_HOPS needs ROADBIKE_GATEWAY_KEY"):
        read(ServiceSettings, behind)
    assert read(ServiceSettings, behind | {"ROADBIKE_GATEWAY_KEY": "x"}).trusted_hops == 1


@pytest.mark.parametrize(
    ("env", "chosen", "limit"),
    [("local", None, 0), ("production", None, 60), ("production", "0", 0), ("local", "7", 7)],
)
def test_a_limit_is_off_on_one_machine_and_on_in_production_unless_it_is_set(
    env: str, chosen: str | None, limit: int
) -> None:
    given = {"ROADBIKE_WRITES_PER_MINUTE": chosen} if chosen else {}
    service = SERVICE | {"ROADBIKE_SERVICE_KEY": "{}", "ROADBIKE_ENV": env} | given

    settings = read(ServiceSettings, service)

    assert settings.limit(settings.writes_per_minute, WRITES_PER_MINUTE) == limit


@pytest.mark.parametrize("wrong", ["-1", "x", "1.5", "1000001"])
def test_a_wrong_limit_is_named(wrong: str) -> None:
    with pytest.raises(SettingError, match=r"^ROADBIKE_WRITES_PER_MINUTE"):
        read(ServiceSettings, SERVICE | {"ROADBIKE_WRITES_PER_MINUTE": wrong})

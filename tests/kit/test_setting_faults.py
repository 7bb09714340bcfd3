"""All wrong settings are named at once, in plain sentences of both languages."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from roadbike.kit.process.secret import Secret
from roadbike.kit.process.setting_faults import SettingError
from roadbike.kit.process.settings import ServiceSettings, read
from roadbike.kit.translations import LANGUAGES, load_texts
from roadbike.payment.app import Settings as PaymentSettings
from roadbike.reservation.app import Settings as ReservationSettings


class Forms(msgspec.Struct, frozen=True, kw_only=True):
    port: Annotated[int, Meta(ge=1, le=9)]
    wait: Annotated[float, Meta(ge=0.5)] = 1
    limit: Annotated[int, Meta(ge=0)] | None = None
    level: Literal["debug", "info"] = "info"
    name: Annotated[str, Meta(max_length=3)] = ""
    plan: Annotated[str, Meta(pattern="^a+$")] = "a"
    password: Secret = Secret("")


SERVICE = {
    "ROADBIKE_PORT": "8081",
    "ROADBIKE_DATABASE_URL": "sqlite+aiosqlite://",
    "ROADBIKE_BROKER_URL": "memory://x",
    "ROADBIKE_ACCOUNT_URL": "http://127.0.0.1:8086",
    "ROADBIKE_ACCOUNT_KEYS": '{"keys": []}',
    "ROADBIKE_SERVICE_KEY": "{}",
}


def faults(type_: type[msgspec.Struct], **environ: str) -> list[str]:
    with pytest.raises(SettingError) as caught:
        read(type_, {f"ROADBIKE_{name}": text for name, text in environ.items()})
    return str(caught.value).splitlines()


def test_all_wrong_settings_are_named_at_once() -> None:
    assert faults(Forms, WAIT="0.1", LIMIT="x", LEVEL="loud", NAME="four", PLAN="b") == [
        "ROADBIKE_PORT is missing: set it, or ROADBIKE_PORT_FILE",
        "ROADBIKE_WAIT is wrong: it must be 0.5 or more",
        "ROADBIKE_LIMIT is wrong: it must be a whole number",
        "ROADBIKE_LEVEL is wrong: it must be one of debug, info",
        "ROADBIKE_NAME is wrong: it must have 0 to 3 characters",
        "ROADBIKE_PLAN is wrong: it does not have the form that docs/settings.md describes",
    ]


def test_each_fault_has_its_sentence_in_both_languages() -> None:
    with pytest.raises(SettingError) as caught:
        read(Forms, {"ROADBIKE_PORT": "10", "ROADBIKE_LEVEL": "loud"})

    assert [fault.in_("ko") for fault in caught.value.faults] == [
        "ROADBIKE_PORT: 9 이하여야 합니다",
        "ROADBIKE_LEVEL: 다음 중 하나를 적어 주세요: debug, info",
    ]
    texts = load_texts("roadbike.kit.process", "settings.toml")
    assert all(text.in_(language) for text in texts.values() for language in LANGUAGES)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("DATABASE_URL", "mysql://u:secret@h/x", "does not begin with postgresql"),
        ("BROKER_URL", "127.0.0.1:4222", "does not begin with nats"),
        ("ACCOUNT_URL", "127.0.0.1:8086", "does not begin with http"),
        ("ACCOUNT_URL", "http://account?login", "it has more than scheme, host, port and path"),
    ],
)
def test_a_wrong_url_is_named_and_not_shown(name: str, text: str, reason: str) -> None:
    with pytest.raises(SettingError, match=rf"^ROADBIKE_{name} is wrong: .*{reason}") as caught:
        read(ServiceSettings, SERVICE | {f"ROADBIKE_{name}": text})

    assert "secret" not in str(caught.value)


def test_the_url_of_a_service_is_written_in_one_form() -> None:
    typed = SERVICE | {"ROADBIKE_ACCOUNT_URL": "HTTP://Account.Svc:80/"}

    assert read(ServiceSettings, typed).account_url == "http://account.svc"


PAYMENT = SERVICE | {"ROADBIKE_SIMULATED_JOURNAL_URL": "sqlite+aiosqlite://"}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"OPEN_DELAY_MIN_MS": "300", "OPEN_DELAY_MAX_MS": "200"},
            "ROADBIKE_OPEN_DELAY_MIN_MS is 300, but must not be above ROADBIKE_OPEN_DELAY_MAX_MS",
        ),
        ({"SIMULATED_RATES": "decline=2"}, "ROADBIKE_SIMULATED_RATES is wrong: each is a share"),
        ({"SIMULATED_RATES": "decline=x"}, "ROADBIKE_SIMULATED_RATES is wrong: could not convert"),
        ({"SIMULATED_RATES": "vanish=0.1"}, "ROADBIKE_SIMULATED_RATES is wrong: 'vanish'"),
        ({"SIMULATED_JOURNAL_URL": "journal.db"}, "ROADBIKE_SIMULATED_JOURNAL_URL is wrong: it"),
        ({"ENV": "production"}, "ROADBIKE_PROVIDER is simulated: production needs a real one"),
    ],
)
def test_settings_of_payment_that_do_not_fit_together_are_named(
    more: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingError) as caught:
        read(PaymentSettings, PAYMENT | {f"ROADBIKE_{name}": text for name, text in more.items()})

    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("text", ["   ", "two\nlines", "bell\a", "\u200b"])
def test_the_name_of_the_store_is_one_visible_line(text: str) -> None:
    environ = SERVICE | {"ROADBIKE_PAYMENT_URL": "http://payment", "G_STORE": text}

    with pytest.raises(SettingError, match=r"^G_STORE is wrong: it must be one line"):
        read(ReservationSettings, environ)
    assert read(ReservationSettings, environ | {"G_STORE": " 강남점 "}).store_name == "강남점"

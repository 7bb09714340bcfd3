"""Wrong TLS settings are named in one line, which shows neither certificate nor key."""

import json
import ssl

import pytest

from roadbike.kit.process.setting_faults import SettingError
from roadbike.kit.process.settings import ServiceSettings, read
from roadbike.kit.process.tls import client_tls, server_tls
from tests.certificates import Authority

AUTHORITY = Authority()
OWN, OTHER = AUTHORITY.certificate(), AUTHORITY.certificate()


def settings(**tls: str) -> ServiceSettings:
    environ = {
        "ROADBIKE_PORT": "0",
        "ROADBIKE_DATABASE_URL": "sqlite+aiosqlite://",
        "ROADBIKE_BROKER_URL": "memory://x",
        "ROADBIKE_ACCOUNT_URL": "https://account",
        "ROADBIKE_ACCOUNT_KEYS": json.dumps({"keys": []}),
        "ROADBIKE_SERVICE_KEY": "{}",
    }
    return read(ServiceSettings, environ | {f"ROADBIKE_{name}": text for name, text in tls.items()})


def test_without_settings_there_is_no_tls() -> None:
    assert client_tls(settings()) is None
    assert server_tls(settings()) is None


def test_servers_are_verified_with_this_authority_alone() -> None:
    context = client_tls(settings(CA=AUTHORITY.ca))

    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(context.get_ca_certs()) == 1


def test_a_server_speaks_no_tls_older_than_1_2() -> None:
    context = server_tls(settings(TLS_CERT=OWN.cert, TLS_KEY=OWN.key))

    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("text", ["a file name", OWN.cert, OWN.key, "-----BEGIN CERTIFICATE-----"])
def test_a_wrong_authority_is_named(text: str) -> None:
    with pytest.raises(SettingError, match=r"^ROADBIKE_CA is wrong") as fault:
        client_tls(settings(CA=text))

    assert text not in str(fault.value)


@pytest.mark.parametrize(
    ("tls", "message"),
    [
        ({"TLS_CERT": OWN.cert}, "ROADBIKE_TLS_KEY is missing"),
        ({"TLS_KEY": OWN.key}, "ROADBIKE_TLS_CERT is missing"),
        ({"TLS_CERT": OWN.cert, "TLS_KEY": OTHER.key}, "are wrong: KEY_VALUES_MISMATCH"),
        ({"TLS_CERT": "x", "TLS_KEY": OWN.key}, "TLS_CERT and ROADBIKE_TLS_KEY are wrong"),
        (
            {"TLS_CERT": OWN.cert, "TLS_KEY": "x"},
            "TLS_CERT and ROADBIKE_TLS_KEY are wrong",
        ),
    ],
)
def test_a_wrong_certificate_or_key_is_named(tls: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message) as fault:
        server_tls(settings(**tls))

    assert not [text for text in tls.values() if len(text) > 1 and text in str(fault.value)]

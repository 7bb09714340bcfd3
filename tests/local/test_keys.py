"""The key files of a shop on one machine, made before its first start."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from roadbike.kit.auth import SigningKey, public_keys
from roadbike.local import home as homes
from roadbike.local import keys, services
from roadbike.local.home import Home
from roadbike.local.jobs.keys import make
from roadbike.local.ports import Ports
from roadbike.local.services import SERVICES

ACCEPTED = {spec.name: spec.callers for spec in SERVICES}
NOT_ON_ONE_MACHINE = {"ROADBIKE_CA", "ROADBIKE_TLS_CERT", "ROADBIKE_TLS_KEY"}


@pytest.fixture
def home(folder: Path) -> Home:
    home = homes.at(folder / "home")
    homes.open_home(home)
    return home


def run_job(home: Home) -> bool:
    """Return whether there was anything to make."""
    job = keys.job(home, ACCEPTED)
    if job is not None:
        make(**job.arguments)
    return job is not None


def environment(home: Home, name: str, environ: Mapping[str, str] = {}) -> dict[str, str]:
    spec = next(spec for spec in SERVICES if spec.name == name)
    return services.environment(home, Ports(), environ, spec)


@pytest.mark.parametrize("name", [spec.name for spec in SERVICES])
def test_every_service_is_given_the_public_key_of_account_as_a_file(home: Home, name: str) -> None:
    run_job(home)
    given = environment(home, name)

    text = Path(given["ROADBIKE_ACCOUNT_KEYS_FILE"]).read_text()

    of_account = environment(home, "account")
    signing = SigningKey.from_jwk(Path(of_account["ROADBIKE_SIGNING_KEY_FILE"]).read_text())
    assert public_keys(text) == {signing.kid: signing.private.public_key()}
    assert '"d"' not in text


def test_no_file_of_public_keys_holds_a_private_one(home: Home) -> None:
    run_job(home)

    for path in [keys.issuer(home), *(keys.callers(home, name) for name in ACCEPTED)]:
        jwks: dict[str, Any] = json.loads(path.read_text())
        assert all("d" not in jwk for jwk in jwks["keys"])


def test_a_public_file_that_is_missing_is_made_of_the_keys_that_are_there(home: Home) -> None:
    assert run_job(home)
    assert not run_job(home)
    before = keys.issuer(home).read_text()
    keys.issuer(home).unlink()

    assert run_job(home)

    assert keys.issuer(home).read_text() == before


@pytest.mark.parametrize("ending", ["", "_FILE"])
def test_tls_settings_are_not_passed_on_to_services_on_one_machine(home: Home, ending: str) -> None:
    given = environment(home, "payment", {name + ending: "x" for name in NOT_ON_ONE_MACHINE})

    assert {name for name, value in given.items() if value == "x"} == set()


def test_account_s_keys_cannot_be_replaced_by_a_variable(home: Home) -> None:
    given = environment(home, "payment", {"ROADBIKE_ACCOUNT_KEYS": "x"})

    assert "ROADBIKE_ACCOUNT_KEYS" not in given

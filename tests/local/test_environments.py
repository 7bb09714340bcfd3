"""The environment of each process: the operator's variables stay with the command."""

from collections.abc import Callable
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local import services
from roadbike.local.ports import Ports
from tests.local.stub_shop import StubShop

OPERATOR = {
    "AWS_SECRET_ACCESS_KEY": "the operator's",
    "ROADBIKE_SIGNING_KEY": "another shop's",
    "PGPASSWORD": "the operator's",
}
NAMED = {  # all that any process of a shop is given
    "LANG",
    "GOMAXPROCS",
    "GOMEMLIMIT",
    "HOME",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "LC_CTYPE",  # Python sets it when there is no locale
}


def test_no_process_has_the_operator_s_variables(open_shop: Callable[..., StubShop]) -> None:
    shop = open_shop(environ=OPERATOR)

    supervisor, *others = shop.processes()
    names = {other.pid: set(other.environ()) for other in others}

    assert "PGPASSWORD" in supervisor.environ()
    assert names.keys() >= set(shop.pids.values()) - {supervisor.pid}
    tracker = {pid for pid, given in names.items() if "PGPASSWORD" in given}
    assert [p.cmdline() for p in others if p.pid in tracker] == []
    assert set().union(*names.values()) <= NAMED


@pytest.mark.parametrize(
    ("service", "given"),
    [
        ("stock", set()),
        ("reservation", {"ROADBIKE_PAYMENT_URL", "ROADBIKE_OVERBOOK"}),
        ("payment", {"ROADBIKE_SIMULATED_JOURNAL_URL", "ROADBIKE_PROVIDER"}),
        ("account", {"ROADBIKE_SIGNING_KEY_FILE", "ROADBIKE_OTHER_KEYS"}),
    ],
)
def test_each_service_is_given_its_own_settings_only(
    tmp_path: Path, service: str, given: set[str]
) -> None:
    spec = next(spec for spec in services.SERVICES if spec.name == service)
    environ = {
        "ROADBIKE_OVERBOOK": "1",
        "ROADBIKE_PROVIDER": "simulated",
        "ROADBIKE_OTHER_KEYS": "{}",
        "ROADBIKE_HOME": "/shop",
        "ROADBIKE_LOG_LEVEL": "debug",
        "ROADBIKE_UNKNOWN": "reported by the service",
        "AWS_SECRET_ACCESS_KEY": "the operator's",
    }
    every = {"ROADBIKE_LOG_LEVEL", "ROADBIKE_UNKNOWN", "ROADBIKE_DATABASE_URL", "ROADBIKE_ENV"}

    settings = services.environment(homes.at(tmp_path), Ports(), environ, spec).keys()

    assert settings >= every | given
    others = {"ROADBIKE_PAYMENT_URL", "ROADBIKE_OVERBOOK", "ROADBIKE_SIMULATED_JOURNAL_URL"}
    others |= {"ROADBIKE_PROVIDER", "ROADBIKE_SIGNING_KEY_FILE", "ROADBIKE_OTHER_KEYS"}
    assert settings & (others | {"ROADBIKE_HOME", "AWS_SECRET_ACCESS_KEY"}) == given

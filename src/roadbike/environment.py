"""The environment variables that the services and the command `roadbike` read.

It is a list, because a service must not import the others to learn the names of their settings;
a test compares it with the settings. Each variable may end in _FILE too. What the services' own
are for is said in their settings, what the command's are for is said here.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the command reads. default: what happens when it is not set, in words."""

    name: str
    default: str
    purpose: str


COMMAND: Final = (
    Variable(
        "ROADBIKE_HOME",
        "`.roadbike` in the current folder",
        "The folder with the data, keys and logs of the shop; the same as `--home`.",
    ),
    Variable(
        "ROADBIKE_CORS_ORIGINS",
        "the storefront's port on 127.0.0.1 and localhost, and `http://localhost:8080`",
        "Origins whose pages may call the gateway from a browser, separated by commas.",
    ),
    Variable(
        "ROADBIKE_NATS_SERVER",
        "`PATH`, then the installed package",
        "The program `nats-server`, 2.12 or newer.",
    ),
    Variable(
        "ROADBIKE_POSTGRES_BIN",
        "`PATH`, then the installed package",
        "The folder that holds `postgres` and `initdb` of PostgreSQL 14 or newer.",
    ),
    Variable(
        "ROADBIKE_TRAEFIK",
        "`PATH`, then the installed package",
        "The program `traefik`, 3 or newer.",
    ),
)

ENVIRONMENT: Final = frozenset(
    {
        # every service
        "ROADBIKE_ENV",
        "ROADBIKE_HOST",
        "ROADBIKE_PORT",
        "ROADBIKE_DATABASE_URL",
        "ROADBIKE_BROKER_URL",
        "ROADBIKE_ACCOUNT_URL",
        "ROADBIKE_SERVICE_KEY",
        "ROADBIKE_CALLER_KEYS",
        "ROADBIKE_LOG_LEVEL",
        "ROADBIKE_TRUSTED_HOPS",
        "ROADBIKE_GATEWAY_KEY",
        "ROADBIKE_WRITES_PER_MINUTE",
        "ROADBIKE_DRAIN_MS",
        "ROADBIKE_ACK_WAIT_SECONDS",
        "ROADBIKE_CRASH",
        # reservation
        "ROADBIKE_PAYMENT_URL",
        "ROADBIKE_OVERBOOK",
        "ROADBIKE_IN_FLIGHT",
        "ROADBIKE_MAX_OPEN_RESERVATIONS",
        "G_STORE",
        # payment
        "ROADBIKE_PROVIDER",
        "ROADBIKE_SIMULATED_JOURNAL_URL",
        "ROADBIKE_SIMULATED_RATES",
        "ROADBIKE_EXPIRE_AFTER_SECONDS",
        "ROADBIKE_MAX_PAYMENT_TRIES",
        "ROADBIKE_PAYMENT_TRIES_WINDOW_SECONDS",
        "ROADBIKE_OPEN_DELAY_MIN_MS",
        "ROADBIKE_OPEN_DELAY_MAX_MS",
        # account
        "ROADBIKE_SIGNING_KEY",
        "ROADBIKE_RETIRED_KEYS",
        "ROADBIKE_TOKEN_LIFETIME_SECONDS",
        "ROADBIKE_LOGIN_WINDOW_SECONDS",
        "ROADBIKE_LOGIN_FAILURES_PER_ACCOUNT",
        "ROADBIKE_LOGIN_FAILURES_PER_CLIENT",
        "ROADBIKE_LOGIN_FAILURES_IN_ALL",
        "ROADBIKE_SIGN_UPS_PER_HOUR",
        # the command
        *(variable.name for variable in COMMAND),
    }
)

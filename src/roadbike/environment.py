"""The environment variables that the services and the command `roadbike` read.

It is a list, because a service must not import the others to learn the names of their settings;
a test compares it with the settings. Each variable may end in _FILE too.
"""

from typing import Final

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
        "ROADBIKE_DRAIN_MS",
        "ROADBIKE_ACK_WAIT_SECONDS",
        "ROADBIKE_CRASH",
        # reservation
        "ROADBIKE_PAYMENT_URL",
        "ROADBIKE_OVERBOOK",
        "ROADBIKE_IN_FLIGHT",
        "G_STORE",
        # payment
        "ROADBIKE_PROVIDER",
        "ROADBIKE_SIMULATED_JOURNAL_URL",
        "ROADBIKE_SIMULATED_RATES",
        "ROADBIKE_EXPIRE_AFTER_SECONDS",
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
        # the command
        "ROADBIKE_HOME",
        "ROADBIKE_CORS_ORIGINS",
        "ROADBIKE_NATS_SERVER",
        "ROADBIKE_POSTGRES_BIN",
        "ROADBIKE_TRAEFIK",
    }
)

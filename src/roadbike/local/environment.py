"""The environment variables that the command `roadbike` reads for itself.

The settings of the services are in their `app.py`; `roadbike up` passes on to every service what is
set for it. docs/settings.md is made from both.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. default: what is used when it is not set, in words."""

    name: str
    default: str
    purpose: str


VARIABLES: Final = (
    Variable(
        "ROADBIKE_HOME",
        "`.roadbike` in the current folder",
        "The folder with the data, keys and logs of the shop; the same as `--home`.",
    ),
    Variable(
        "ROADBIKE_POSTGRES_BIN",
        "`PATH`, then the installed package",
        "The folder that holds `postgres` and `initdb` of PostgreSQL 14 or newer.",
    ),
    Variable(
        "ROADBIKE_NATS_SERVER",
        "`PATH`, then the installed package",
        "The program `nats-server`, 2.12 or newer.",
    ),
    Variable(
        "ROADBIKE_TRAEFIK",
        "`PATH`, then the installed package",
        "The program `traefik`, 3 or newer.",
    ),
    Variable(
        "ROADBIKE_CORS_ORIGINS",
        "the storefront's port on 127.0.0.1 and localhost, and `http://localhost:8080`",
        "Web pages that may call the gateway from a browser: origins, separated by commas.",
    ),
)

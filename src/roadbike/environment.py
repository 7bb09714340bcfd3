"""The environment variables that the services and the command `roadbike` read.

They are lists, because a service must not import the others to learn the names of their settings;
a test compares them with the settings. Each variable may end in _FILE too. What the services' own
are for is said in their settings, what the command's are for is said here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the command reads. default: what happens when it is not set, in words."""

    name: str
    default: str
    purpose: str


SERVICES: Final = (  # each may have a database outside of the shop
    *("stock", "reservation", "payment", "delivery", "mypage", "account"),
    "storefront",
)


def _databases() -> Iterator[Variable]:
    for name in SERVICES:
        serving = f"ROADBIKE_{name.upper()}_DATABASE_URL"
        yield Variable(
            serving,
            "`roadbike up` makes the database",
            f"For `roadbike up`: the database of {name} on a PostgreSQL or MariaDB server of your "
            "own.",
        )
        yield Variable(
            f"ROADBIKE_{name.upper()}_OWNER_DATABASE_URL",
            f"`{serving}`",
            "For `roadbike up`: the same database for the user that migrates it.",
        )


COMMAND: Final = (
    Variable(
        "ROADBIKE_HOME",
        "`.roadbike` in the current folder",
        "The folder with the data, keys and logs of the shop; the same as `--home`.",
    ),
    Variable(
        "ROADBIKE_CORS_ORIGINS",
        "the gateway's own address on 127.0.0.1 and localhost, and `http://localhost:8080`",
        "Origins whose pages may call the gateway from a browser, separated by commas.",
    ),
    Variable(
        "ROADBIKE_HOSTS",
        "none",
        "Host names that the gateway serves besides 127.0.0.1, localhost and [::1], separated by "
        "commas. It answers 421 to requests to other names.",
    ),
    Variable(
        "ROADBIKE_CLIENT_REQUESTS_PER_SECOND",
        "50 with `ROADBIKE_ENV=production`, else 0: any number",
        "Requests a second of one client address (IPv6: /64) that the gateway passes on, and four "
        "times as many at once; then 429.",
    ),
    Variable(
        "ROADBIKE_USER",
        "`roadbike` if there is such a user, else `nobody`",
        "The user that servers and services run as when root runs `roadbike up`.",
    ),
    Variable(
        "ROADBIKE_HANG_SECONDS",
        "10",
        "How long a process of the shop may give no answer before `roadbike up` kills it and "
        "starts it again. 0 is never, for work with a debugger.",
    ),
    Variable(
        "ROADBIKE_ACK_WAIT_SECONDS",
        "30 seconds; `roadbike up` always takes 5",
        "For `roadbike set-up-broker` on NATS: when a message that was not acknowledged is "
        "delivered again.",
    ),
    Variable(
        "ROADBIKE_KAFKA_PARTITIONS",
        "6",
        "For topics that are made on Kafka: the number of partitions, which limits how many "
        "replicas of a service consume at a time. It cannot be changed later.",
    ),
    Variable(
        "ROADBIKE_KAFKA_REPLICATION",
        "3",
        "For topics that are made on Kafka: the number of servers that have each event.",
    ),
    Variable(
        "ROADBIKE_KAFKA_MIN_IN_SYNC",
        "2",
        "For topics that are made on Kafka: how many of these servers must have an event before "
        "it counts as sent.",
    ),
    Variable(
        "ROADBIKE_KAFKA_RETENTION_HOURS",
        "168",
        "For topics that are made on Kafka: how long events are kept, read or not.",
    ),
    Variable(
        "ROADBIKE_AUDIT_BROKER_URL",
        "`ROADBIKE_BROKER_URL`",
        "For `roadbike up` on Kafka: the broker as `roadbike audit` reads it, with a user who may "
        "read the topics and nothing else.",
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
        "The program `traefik`, 3.1 or newer.",
    ),
    *_databases(),
)

EVERY_SERVICE: Final = frozenset(
    {
        "ROADBIKE_ENV",
        "ROADBIKE_HOST",
        "ROADBIKE_PORT",
        "ROADBIKE_DATABASE_URL",
        "ROADBIKE_BROKER_URL",
        "ROADBIKE_BROKER_CA",
        "ROADBIKE_BROKER_SASL",
        "ROADBIKE_EVENT_BATCHES",
        "ROADBIKE_REPLICA",
        "ROADBIKE_REPLICAS",
        "ROADBIKE_ACCOUNT_URL",
        "ROADBIKE_ACCOUNT_KEYS",
        "ROADBIKE_TOKEN_MAX_LIFETIME_SECONDS",
        "ROADBIKE_SERVICE_KEY",
        "ROADBIKE_CALLER_KEYS",
        "ROADBIKE_CA",
        "ROADBIKE_TLS_CERT",
        "ROADBIKE_TLS_KEY",
        "ROADBIKE_LOG_LEVEL",
        "ROADBIKE_TRUSTED_HOPS",
        "ROADBIKE_MAX_CONNECTIONS",
        "ROADBIKE_READ_TIMEOUT_SECONDS",
        "ROADBIKE_GATEWAY_KEY",
        "ROADBIKE_WRITES_PER_MINUTE",
        "ROADBIKE_SHED_LAG_MS",
        "ROADBIKE_DRAIN_MS",
        "ROADBIKE_CRASH",
    }
)

SELLER: Final = frozenset(  # what the law wants on the pages of an online shop
    {
        "ROADBIKE_SELLER_NAME",
        "ROADBIKE_SELLER_REPRESENTATIVE",
        "ROADBIKE_SELLER_REGISTRATION",
        "ROADBIKE_SELLER_MAIL_ORDER",
        "ROADBIKE_SELLER_ADDRESS",
        "ROADBIKE_SELLER_PHONE",
        "ROADBIKE_SELLER_EMAIL",
        "ROADBIKE_SELLER_PRIVACY",
        "ROADBIKE_SELLER_HOSTING",
    }
)

OF_SERVICE: Final[Mapping[str, frozenset[str]]] = {
    "reservation": frozenset(
        {
            "ROADBIKE_PAYMENT_URL",
            "ROADBIKE_OVERBOOK",
            "ROADBIKE_IN_FLIGHT",
            "ROADBIKE_MAX_OPEN_RESERVATIONS",
            "ROADBIKE_BREAKER",
            "G_STORE",
        }
    ),
    "payment": frozenset(
        {
            "ROADBIKE_PROVIDER",
            "ROADBIKE_SIMULATED_JOURNAL_URL",
            "ROADBIKE_SIMULATED_RATES",
            "ROADBIKE_EXPIRE_AFTER_SECONDS",
            "ROADBIKE_MAX_PAYMENT_TRIES",
            "ROADBIKE_PAYMENT_TRIES_WINDOW_SECONDS",
            "ROADBIKE_OPEN_DELAY_MIN_MS",
            "ROADBIKE_OPEN_DELAY_MAX_MS",
        }
    ),
    "storefront": frozenset(
        {
            "ROADBIKE_STOCK_URL",
            "ROADBIKE_RESERVATION_URL",
            "ROADBIKE_PAYMENT_URL",
            "ROADBIKE_DELIVERY_URL",
            "ROADBIKE_MYPAGE_URL",
            "ROADBIKE_HEARTBEAT_SECONDS",
            *SELLER,
        }
    ),
    "account": frozenset(
        {
            "ROADBIKE_SIGNING_KEY",
            "ROADBIKE_OTHER_KEYS",
            "ROADBIKE_TOKEN_LIFETIME_SECONDS",
            "ROADBIKE_LOGIN_WINDOW_SECONDS",
            "ROADBIKE_LOGIN_FAILURES_PER_ACCOUNT",
            "ROADBIKE_LOGIN_FAILURES_PER_CLIENT",
            "ROADBIKE_LOGIN_FAILURES_IN_ALL",
            "ROADBIKE_SIGN_UPS_PER_HOUR",
        }
    ),
}

ENVIRONMENT: Final = EVERY_SERVICE.union(
    *OF_SERVICE.values(), (variable.name for variable in COMMAND)
)

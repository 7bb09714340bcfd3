"""The whole shop on one page: each part, what it is given, and what it waits for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from roadbike.local import gateway, keys, nats, postgres, probes
from roadbike.local.home import Home, passwords
from roadbike.local.ports import HOST, Ports
from roadbike.local.shape import Call, Part


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """One of the shop's own services."""

    name: str
    offset: int  # its port, counted from the base
    database: str = "postgresql"
    tells: bool = True  # on a topic of its own
    callers: tuple[str, ...] = ()  # the services that may ask it at /internal; ops may everywhere
    serve: str = "roadbike.kit.server:serve"
    migrate: str = "roadbike.kit.migrate:upgrade"

    @property
    def package(self) -> str:
        return f"roadbike.{self.name}"

    @property
    def topic(self) -> str | None:
        return f"bike.{self.name}" if self.tells else None

    def port(self, ports: Ports) -> int:
        return ports.base + self.offset


STOCK: Final = Trade(name="stock", offset=1)
RESERVATION: Final = Trade(name="reservation", offset=2)
PAYMENT: Final = Trade(name="payment", offset=3, callers=("reservation",))
DELIVERY: Final = Trade(name="delivery", offset=4, database="sqlite")
MYPAGE: Final = Trade(name="mypage", offset=5, tells=False)
ACCOUNT: Final = Trade(name="account", offset=6, tells=False)

TRADES: Final = (STOCK, RESERVATION, PAYMENT, DELIVERY, MYPAGE, ACCOUNT)


def shop(
    home: Home, ports: Ports, environ: Mapping[str, str], trades: tuple[Trade, ...]
) -> tuple[Part, ...]:
    """`environ` is what the person at the keyboard set."""
    names = [trade.name for trade in trades]
    databases = [trade.name for trade in trades if trade.database == "postgresql"]
    at_postgres = passwords(home, "postgres", [postgres.SUPERUSER, *databases])
    at_nats = passwords(home, "nats", names)
    return (
        postgres.part(home, ports.postgres, environ, at_postgres),
        nats.part(home, ports.nats, environ, at_nats, {each.name: each.topic for each in trades}),
        *(service(home, ports, environ, trade) for trade in trades),
        gateway.part(home, ports, environ, {each.name: each.port(ports) for each in trades}),
    )


def service(home: Home, ports: Ports, environ: Mapping[str, str], trade: Trade) -> Part:
    port = trade.port(ports)
    settings = environment(home, ports, environ, trade)
    return Part(
        name=trade.name,
        port=port,
        runs=Call(
            function=trade.serve,
            arguments={"app_module": f"{trade.package}.app", "environ": settings},
        ),
        prepare=Call(
            function=trade.migrate,
            arguments={
                "package": trade.package,
                "database_url": settings["ROADBIKE_DATABASE_URL"],
            },
        ),
        is_ready=probes.http(port),
        needs=("postgres", "nats") if trade.database == "postgresql" else ("nats",),
    )


def environment(
    home: Home, ports: Ports, environ: Mapping[str, str], trade: Trade
) -> dict[str, str]:
    """Everything that `roadbike serve` would read of its environment for this service."""
    ours = {
        "ROADBIKE_ENV": "local",
        "ROADBIKE_HOST": HOST,
        "ROADBIKE_PORT": str(trade.port(ports)),
        "ROADBIKE_DATABASE_URL": database_url(home, ports, trade),
        "ROADBIKE_BROKER_URL": broker_url(home, ports, trade),
        "ROADBIKE_ACCOUNT_URL": f"http://{HOST}:{ACCOUNT.port(ports)}",
        "ROADBIKE_PAYMENT_URL": f"http://{HOST}:{PAYMENT.port(ports)}",
        "ROADBIKE_SERVICE_KEY_FILE": str(keys.private(home, trade.name)),
        "ROADBIKE_CALLER_KEYS_FILE": str(keys.callers(home, trade.name)),
        "ROADBIKE_SIMULATED_JOURNAL_URL": _sqlite(home, "payment", "provider.db"),
        "ROADBIKE_SIGNING_KEY_FILE": str(keys.private(home, keys.SIGNING)),
        # one process a service: what a killed one had in hand waits for nobody but the next one
        "ROADBIKE_ACK_WAIT_S": "5",
    }
    names = {name.removesuffix("_FILE") for name in ours}
    given = {
        name: value
        for name, value in environ.items()
        if name.startswith(("ROADBIKE_", "G_")) and name.removesuffix("_FILE") not in names
    }
    return given | ours


def database_url(home: Home, ports: Ports, trade: Trade) -> str:
    if trade.database == "sqlite":
        return _sqlite(home, trade.name, f"{trade.name}.db")
    password = passwords(home, "postgres", [trade.name])[trade.name]
    return f"postgresql+asyncpg://{trade.name}:{password}@{HOST}:{ports.postgres}/{trade.name}"


def broker_url(home: Home, ports: Ports, trade: Trade) -> str:
    password = passwords(home, "nats", [trade.name])[trade.name]
    return f"nats://{trade.name}:{password}@{HOST}:{ports.nats}"


def _sqlite(home: Home, folder: str, file: str) -> str:
    return f"sqlite+aiosqlite:///{home.path / folder / file}"

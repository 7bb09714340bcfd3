"""Run one service of this shop as a process: here kit is given what it has to know of the shop."""

from collections.abc import Mapping
from socket import socket
from typing import Final, get_args

from roadbike.contracts.events import AnyEvent
from roadbike.contracts.identity import AUDIENCE, ISSUER, ROLES, SHOP_NAME
from roadbike.environment import ENVIRONMENT
from roadbike.kit.process import server
from roadbike.kit.process.service import Application

SHOP: Final = Application(
    title=SHOP_NAME,
    issuer=ISSUER,
    audience=AUDIENCE,
    roles=ROLES,
    catalogues=("roadbike.contracts",),
    environment=ENVIRONMENT,
    events=frozenset(event.type_name() for event in get_args(AnyEvent)),
)


def serve(app_module: str, environ: Mapping[str, str], listener: socket | None = None) -> None:
    """Run the service of that module (`roadbike.stock.app`) until SIGTERM or SIGINT.

    listener: the bound socket to listen on; without it, the port of the settings is opened.
    Raises SettingError before anything is opened, SystemExit(1) when a part of it fails.
    """
    server.serve(app_module, environ, SHOP, listener)

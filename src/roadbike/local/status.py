"""`roadbike status`: each part as the supervisor sees it, each service as it tells of itself."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

from roadbike.local import control
from roadbike.local.home import Home, read_shop
from roadbike.local.keeper import View
from roadbike.local.keys import OPS

PATIENCE: Final = 2.0  # seconds for one service to answer
COLUMNS: Final = ("database", "outbox", "lag", "parked", "dead", "intents", "unsettled")
SERVERS: Final = ("postgres", "nats", "gateway")


def collect(home: Home) -> list[dict[str, Any]]:
    """One row for each part; `ready` and the columns of a service are what it says itself."""
    views = control.views(home)
    shop = read_shop(home)
    tokens = _tokens(shop)
    with ThreadPoolExecutor(max_workers=len(views)) as pool:
        told = list(pool.map(lambda view: _told(view, shop, tokens), views))
    return [
        {
            "part": view.name,
            "state": view.state,
            "ready": view.state == "ready",
            "pid": view.pid,
            "port": view.port,
            "restarts": view.restarts,
            "memory_mb": _memory(view.pid),
            **own,
        }
        for view, own in zip(views, told, strict=True)
    ]


def _tokens(shop: Mapping[str, Any]) -> Any:
    # the stack behind tokens is large: only this command pays for it
    auth = import_module("roadbike.kit.auth")
    return auth.ServiceTokens(OPS, Path(shop["ops_key"]).read_text(), '{"keys": []}')


def _told(view: View, shop: Mapping[str, Any], tokens: Any) -> dict[str, Any]:
    if view.name in SERVERS or view.state != "ready":
        return {}
    address = f"{shop['addresses'][view.name]}/internal/status"
    request = urllib.request.Request(address, headers=tokens.headers(view.name))  # noqa: S310  ours
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  ours
            status: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as problem:
        return {"ready": False, "problem": str(problem)}
    # a service without a gauge has nothing of that kind to wait for
    return {column: status.get(column, 0) for column in ("ready", *COLUMNS)}


def _memory(pid: int | None) -> float | None:
    """PSS where the system tells it (Linux): memory that processes share counts once."""
    try:
        about = psutil.Process(pid).memory_full_info() if pid else None
    except psutil.Error:
        about = None
    if about is None:
        return None
    return round(getattr(about, "pss", about.rss) / 1024**2, 1)


def table(rows: list[dict[str, Any]]) -> Table:
    columns = ("part", "state", "ready", "pid", "port", "restarts", "memory_mb", *COLUMNS)
    shown = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        values = (row.get(column) for column in columns)
        shown.add_row(*("" if value is None else str(value) for value in values))
    return shown


def show(rows: list[dict[str, Any]], to: Console) -> None:
    to.print(table(rows))
    for row in rows:
        if "problem" in row:
            to.print(f"{row['part']}: {row['problem']}", markup=False)

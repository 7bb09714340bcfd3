"""`roadbike status`: each part as the supervisor sees it, each service as it tells of itself."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from roadbike.local import control
from roadbike.local.home import Home, read_shop
from roadbike.local.keeper import View
from roadbike.local.keys import OPS

PATIENCE: Final = 2.0  # seconds for one service to answer
SERVERS: Final = ("postgres", "nats", "gateway")
TROUBLES: Final = {  # shown where there are any; else one line says that nothing is …
    "parked": "parked",
    "dead": "dead",
    "intents": "intended",
    "unsettled": "unsettled",
}
FIGURES: Final = ("database", "outbox", "lag", *TROUBLES)
SHOWN: Final = (
    "part",
    "state",
    "pid",
    "port",
    "restarts",
    "memory_mb",
    "database",
    "outbox",
    "lag",
)
SPARE: Final = ("pid", "database", "port", "restarts")  # left out, in this order, for want of room
WIDE: Final = 1000  # more than any table needs


def collect(home: Home) -> list[dict[str, Any]]:
    """One row for each part; `ready` and the figures of a service are what it says itself."""
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
    headers = tokens.headers(view.name) | {"Accept-Language": "en"}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310  ours
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  ours
            status: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as refusal:
        return {"ready": False, "problem": _reason(refusal)}
    except (OSError, ValueError) as problem:
        return {"ready": False, "problem": f"does not answer: {problem}"}
    # a service without a gauge has nothing of that kind to wait for
    return {column: status.get(column, 0) for column in ("ready", *FIGURES)}


def _reason(refusal: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(refusal)["detail"])
    except (ValueError, KeyError, TypeError):
        return "does not reach its database" if refusal.code == 503 else str(refusal)  # noqa: PLR2004


def _memory(pid: int | None) -> float | None:
    """PSS where the system tells it (Linux): memory that processes share counts once."""
    try:
        about = psutil.Process(pid).memory_full_info() if pid else None
    except psutil.Error:
        about = None
    if about is None:
        return None
    return round(getattr(about, "pss", about.rss) / 1024**2, 1)


def show(rows: list[dict[str, Any]], to: Console) -> None:
    some = [name for name in TROUBLES if any(row.get(name) for row in rows)]
    to.print(_fitting(rows, [*SHOWN, *some], to))
    for row in rows:
        if "problem" in row:
            to.print(f"{row['part']}: {row['problem']}", markup=False, highlight=False)
    if none := [word for name, word in TROUBLES.items() if name not in some]:
        to.print(f"nothing {_either(none)}{_as_far(rows)}", markup=False, highlight=False)


def _fitting(rows: list[dict[str, Any]], columns: Sequence[str], to: Console) -> Table:
    """Without what there is no room for: a name is never shortened."""
    left_out = 0
    while True:
        shown = _table(rows, [each for each in columns if each not in SPARE[:left_out]])
        needed = Measurement.get(to, to.options.update(width=WIDE), shown).maximum
        if needed <= to.width or left_out == len(SPARE):
            return shown
        left_out += 1


def _table(rows: list[dict[str, Any]], columns: Sequence[str]) -> Table:
    shown = Table(box=None, pad_edge=False)
    for column in columns:
        is_word = column in {"part", "state", "database"}
        header = "MB" if column == "memory_mb" else column
        shown.add_column(
            header,
            no_wrap=True,
            justify="left" if is_word else "right",
            min_width=len("restarting") if column == "state" else None,  # it stays as it is
        )
    for row in rows:
        told = row | {"state": _state(row)}
        values = (told.get(column) for column in columns)
        shown.add_row(*("" if value is None else str(value) for value in values))
    return shown


def _state(row: Mapping[str, Any]) -> str:
    return "not ready" if row["state"] == "ready" and not row["ready"] else str(row["state"])


def _either(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _as_far(rows: list[dict[str, Any]]) -> str:
    silent = [row["part"] for row in rows if row["part"] not in SERVERS and "outbox" not in row]
    return f", as far as is known without {' and '.join(silent)}" if silent else ""

"""`roadbike status`: each part as the supervisor sees it, each service as it tells of itself."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import psutil

from roadbike.local.home import Home, read_shop
from roadbike.local.keys import OPS
from roadbike.local.supervisor import control
from roadbike.local.supervisor.keeper import View

PATIENCE: Final = 2.0  # seconds for one service to answer
SERVERS: Final = ("postgres", "nats", "gateway")
FIGURES: Final = ("database", "unsent", "lag", "parked", "dead", "pending", "unsettled")
UNAVAILABLE: Final = "/problems/unavailable"


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
    """In the service's words, but where they only say that something is away: it is this."""
    try:
        problem = json.load(refusal)
        told = "" if problem["type"] == UNAVAILABLE else str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        told = ""
    away = "does not reach its database" if refusal.code == HTTPStatus.SERVICE_UNAVAILABLE else ""
    return told or away or str(refusal)


def _memory(pid: int | None) -> float | None:
    """PSS where the system tells it (Linux): memory that processes share counts once."""
    try:
        about = psutil.Process(pid).memory_full_info() if pid else None
    except psutil.Error:
        about = None
    if about is None:
        return None
    return round(getattr(about, "pss", about.rss) / 1024**2, 1)

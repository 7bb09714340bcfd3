"""`roadbike status`: each part as the supervisor sees it, each service as it reports itself."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.error import HTTPError

import msgspec
from msgspec import UNSET, UnsetType

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.process import status as statuses
from roadbike.kit.process.status import ServiceStatus
from roadbike.kit.resilience.breaker import BreakerReport
from roadbike.local import replicas, shop_file
from roadbike.local.commands import usage
from roadbike.local.commands.usage import Usage
from roadbike.local.home import Home
from roadbike.local.http import call, problem
from roadbike.local.keys import OPS
from roadbike.local.servers.nats import SET_UP
from roadbike.local.shop_file import ShopFile
from roadbike.local.supervisor import control
from roadbike.local.supervisor.keeper import View
from roadbike.local.texts import language, say

ANSWER_TIMEOUT_SECONDS: Final = 2.0
SERVERS: Final = ("postgres", "nats", SET_UP, "gateway")
STATUS_PATH: Final = "/internal/status"
UNAVAILABLE: Final = "/problems/unavailable"


class PartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the status.

    ready: what a service says itself; for a server, whether its state is ready.
    pid: of the main process. processes, memory_mb, cpu_percent: of all processes (see Usage).
    The fields after `problem` are a service's own figures (see ServiceStatus). Servers do not
    have them, nor services that do not answer.
    """

    part: str
    state: str
    ready: bool
    pid: int | None
    port: int
    restarts: int
    last_end: str = ""
    processes: int = 0
    memory_mb: float | None = None
    cpu_percent: float | None = None
    problem: str | UnsetType = UNSET
    database: str | UnsetType = UNSET
    unsent: int | UnsetType = UNSET
    lag: int | UnsetType | None = UNSET
    missing: int | UnsetType = UNSET
    parked: int | UnsetType = UNSET
    stuck: int | UnsetType = UNSET
    dead: int | UnsetType = UNSET
    kept: int | UnsetType = UNSET
    refused: int | UnsetType = UNSET
    unanswered: int | UnsetType = UNSET
    pending: int | UnsetType = UNSET
    unsettled: int | UnsetType = UNSET
    limits: dict[str, int] | UnsetType = UNSET
    breakers: dict[str, BreakerReport] | UnsetType = UNSET


class Tokens(Protocol):
    """Makes the headers with which a service is called once."""

    def headers(self, service: str, method: str, path: str) -> dict[str, str]: ...


def collect(home: Home) -> list[PartStatus]:
    """Return one row for each part. Raises NotRunning when no shop is running."""
    views = control.views(home)
    shop = shop_file.read_known(home)
    tokens = ServiceTokens(OPS, Path(shop.ops_key).read_text(), '{"keys": []}')
    with ThreadPoolExecutor(max_workers=len(views) + 1) as pool:
        used = pool.submit(usage.of_parts, {view.name: view.pid for view in views})
        rows = list(pool.map(partial(row, shop, tokens), views))
        return [_with_usage(row, used.result().get(row.part)) for row in rows]


def row(shop: ShopFile, tokens: Tokens, view: View) -> PartStatus:
    service = replicas.service_of(view.name)
    asked = view.name not in SERVERS and view.state == "ready"
    return PartStatus(
        part=view.name,
        state=view.state,
        pid=view.pid,
        port=view.port,
        restarts=view.restarts,
        last_end=view.last_end,
        **(
            _own_report(shop.addresses[view.name], tokens.headers(service, "GET", STATUS_PATH))
            if asked
            else {"ready": view.state == "ready"}
        ),
    )


def _with_usage(row: PartStatus, used: Usage | None) -> PartStatus:
    if used is None:
        return row
    return msgspec.structs.replace(
        row,
        processes=used.processes,
        memory_mb=used.memory_mb,
        cpu_percent=used.cpu_percent,
    )


def _own_report(address: str, headers: dict[str, str]) -> dict[str, Any]:
    """Ask the service for the fields of PartStatus that it knows best."""
    try:
        body = call(
            f"{address}{STATUS_PATH}",
            headers=headers | {"Accept-Language": language(os.environ)},
            timeout=ANSWER_TIMEOUT_SECONDS,
        )
        return _figures(statuses.decode(body))
    except HTTPError as refusal:
        return {"ready": False, "problem": _reason(refusal)}
    except (OSError, ValueError) as error:
        return {"ready": False, "problem": say("does-not-answer", error=error)}


def _figures(status: ServiceStatus) -> dict[str, Any]:
    return {
        "ready": status.ready,
        "database": status.database,
        "unsent": status.unsent,
        "lag": status.lag,
        "missing": status.missing,
        "parked": status.parked,
        "stuck": status.stuck,
        "dead": status.dead,
        "kept": status.kept,
        "refused": status.refused,
        "unanswered": status.gauges.get("unanswered", 0),  # only stock counts them
        "pending": status.gauges.get("pending", 0),  # only reservation counts them
        "limits": status.limits,
        "breakers": status.breakers,
        "unsettled": status.gauges.get("unsettled", 0),  # only payment counts them
    }


def _reason(refusal: HTTPError) -> str:
    """Return the service's own explanation, unless it says only that something is unavailable."""
    explained = problem(refusal)
    if explained.get("detail") and explained.get("type") != UNAVAILABLE:
        return str(explained["detail"])
    is_unavailable = refusal.code == HTTPStatus.SERVICE_UNAVAILABLE
    return say("cannot-reach-database") if is_unavailable else str(refusal)

"""The gateway: Traefik in front of all services, and what it answers when one is away."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from roadbike.local.home import Home, write_private
from roadbike.local.ports import HOST, Ports
from roadbike.local.servers import binaries, fallback
from roadbike.local.supervisor import probes
from roadbike.local.supervisor.part import Part, Server

READ_TIMEOUT: Final = "10s"  # for a whole request to come in; the services have no such limit
ANSWER_TIMEOUT: Final = "10s"  # for an answer to begin
CONFIG: Final = "traefik.yml"
ROUTING: Final = "routing.yml"
ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "stock": ("/stocks",),
    "reservation": ("/reservations",),
    "payment": ("/payments",),
    "delivery": ("/deliveries",),
    "mypage": ("/myPages",),
    "account": ("/accounts", "/.well-known", "/problems"),
    "storefront": ("/",),
}
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ASKED: Final = ("Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "If-Match")
SHOWN: Final = ("Content-Language", "ETag", "Location", "Retry-After")


def part(home: Home, ports: Ports, environ: Mapping[str, str], services: Mapping[str, int]) -> Part:
    """`services` are the names and ports of those that are there to route to."""
    folder = home.path / "gateway"
    return Part(
        name="gateway",
        port=ports.gateway,
        runs=Server(
            program=binaries.traefik(environ),
            arguments=(f"--configFile={folder / CONFIG}",),
            environ={"GOMAXPROCS": "1", "HOME": str(folder)},
        ),
        is_ready=probes.routes(ports.gateway, ROUTES[next(iter(services))][0]),
        prepare_each=partial(_write, folder, ports, services, origins(ports, environ)),
    )


def origins(ports: Ports, environ: Mapping[str, str]) -> list[str]:
    """Whose pages may call from a browser: a comma-separated list as setting."""
    named = environ.get("ROADBIKE_CORS_ORIGINS")
    if named is not None:
        return [origin.strip() for origin in named.split(",") if origin.strip()]
    port = ports.storefront
    return [f"http://127.0.0.1:{port}", f"http://localhost:{port}", "http://localhost:8080"]


def _write(folder: Path, ports: Ports, services: Mapping[str, int], allowed: Sequence[str]) -> None:
    # JSON is YAML; the file's name tells Traefik which reader to take
    for name, content in (
        (CONFIG, settings(folder, ports)),
        (ROUTING, routing(services, ports.away, allowed)),
    ):
        write_private(folder / name, msgspec.json.format(msgspec.json.encode(content)))


def settings(folder: Path, ports: Ports) -> dict[str, Any]:
    return {
        "entryPoints": {
            "web": {
                "address": f"{HOST}:{ports.gateway}",
                "transport": {
                    "respondingTimeouts": {"readTimeout": READ_TIMEOUT},
                    "lifeCycle": {"graceTimeOut": "5s"},
                },
            }
        },
        "providers": {"file": {"filename": str(folder / ROUTING), "watch": False}},
        "log": {"level": "ERROR"},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "serversTransport": {
            "forwardingTimeouts": {
                "dialTimeout": "1s",
                "responseHeaderTimeout": ANSWER_TIMEOUT,
                "idleConnTimeout": "3s",  # less than the services': they must not close first
            }
        },
    }


def routing(services: Mapping[str, int], away_port: int, allowed: Sequence[str]) -> dict[str, Any]:
    routers: dict[str, Any] = {}
    backends: dict[str, Any] = {"away": _balancer(away_port)}
    for name, port in services.items():
        rule = " || ".join(_rule(prefix) for prefix in ROUTES[name])
        backends[name] = _balancer(port) | {}
        backends[name]["loadBalancer"]["healthCheck"] = _health_check()
        backends[f"{name}-or-away"] = {"failover": {"service": name, "fallback": "away"}}
        routers[name] = _router(name, rule, ["cors", "away"])
        reads = f"({rule}) && (Method(`GET`) || Method(`HEAD`))"
        routers[f"{name}-reads"] = _router(name, reads, ["cors", "away", "again"])
    return {
        "http": {"routers": routers, "services": backends, "middlewares": _middlewares(allowed)}
    }


def _rule(prefix: str) -> str:
    return "PathPrefix(`/`)" if prefix == "/" else f"Path(`{prefix}`) || PathPrefix(`{prefix}/`)"


def _router(name: str, rule: str, middlewares: list[str]) -> dict[str, Any]:
    return {
        "rule": rule,
        "entryPoints": ["web"],
        "service": f"{name}-or-away",
        "middlewares": middlewares,
    }


def _balancer(port: int) -> dict[str, Any]:
    return {"loadBalancer": {"servers": [{"url": f"http://{HOST}:{port}"}]}}


def _health_check() -> dict[str, Any]:
    """Patient with a service that is only busy, quick to see one that is back."""
    return {
        "path": "/readyz",
        "interval": "1s",
        "timeout": "5s",
        "unhealthyInterval": "200ms",
    }


def _middlewares(allowed: Sequence[str]) -> dict[str, Any]:
    return {
        "cors": {
            "headers": {
                "accessControlAllowOriginList": list(allowed),
                "accessControlAllowMethods": METHODS,
                "accessControlAllowHeaders": ASKED,
                "accessControlExposeHeaders": SHOWN,
                "accessControlMaxAge": 600,
                "addVaryHeader": True,
            }
        },
        # 503 is not among them: a service's own refusal says more
        "away": {
            "errors": {
                "status": ["502", "504"],
                "statusRewrites": {"502": 503, "504": 503},
                "service": "away",
                "query": f"/?{fallback.ASKED_FOR}={{url}}",
            }
        },
        # 502: by itself it would ask again only when it could not even connect
        "again": {"retry": {"attempts": 2, "initialInterval": "20ms", "status": ["502"]}},
    }

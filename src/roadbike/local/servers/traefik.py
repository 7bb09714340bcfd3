"""The gateway: Traefik in front of all services, with a fallback for services that are down."""

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

READ_TIMEOUT: Final = "10s"  # for a whole request to arrive; the services have no such limit
ANSWER_TIMEOUT: Final = "10s"  # for a response to begin
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
# Slow to give up a service that is only busy, quick to notice one that is back.
HEALTH_CHECK: Final = {
    "path": "/readyz",
    "interval": "1s",
    "timeout": "5s",
    "unhealthyInterval": "200ms",
}
# Until its routes are loaded, Traefik answers every path with 404.
ROUTES_LOADED: Final = (200, 401, 503)
# While it considers a service down, its fallback answers 503; other statuses are the service's own.
SERVICE_REACHED: Final = (200, 401, 404, 405)
GATEWAY_KEY: Final = "X-Gateway-Key"
CORS_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CORS_REQUEST_HEADERS: Final = (
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "X-Device-Token",
)
CORS_RESPONSE_HEADERS: Final = ("Content-Language", "ETag", "Location", "Retry-After")


def part(
    home: Home, ports: Ports, environ: Mapping[str, str], services: Mapping[str, int], key: str
) -> Part:
    """Return the gateway. services: the ports to route to, by name. key: proves who it is."""
    folder = home.path / "gateway"
    return Part(
        name="gateway",
        port=ports.gateway,
        runs=Server(
            program=binaries.traefik(environ),
            arguments=(f"--configFile={folder / CONFIG}",),
            environ={"GOMAXPROCS": "1", "HOME": str(folder)},
        ),
        is_ready=probes.http(ports.gateway, ROUTES[next(iter(services))][0], accept=ROUTES_LOADED),
        prepare_each=partial(_write, folder, ports, services, origins(ports, environ), key),
    )


def origins(ports: Ports, environ: Mapping[str, str]) -> list[str]:
    """Return the origins whose pages may call from a browser; a setting replaces the default."""
    chosen = environ.get("ROADBIKE_CORS_ORIGINS")
    if chosen is not None:
        return [origin.strip() for origin in chosen.split(",") if origin.strip()]
    port = ports.storefront
    return [f"http://127.0.0.1:{port}", f"http://localhost:{port}", "http://localhost:8080"]


def _write(
    folder: Path, ports: Ports, services: Mapping[str, int], allowed: Sequence[str], key: str
) -> None:
    # Traefik chooses the parser by the file's name, and JSON is valid YAML.
    for name, content in (
        (CONFIG, settings(folder, ports)),
        (ROUTING, routing(services, ports.fallback, allowed, key)),
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
                # Less than the services' timeout: they must not close a connection in use.
                "idleConnTimeout": "3s",
            }
        },
    }


def routing(
    services: Mapping[str, int], fallback_port: int, allowed: Sequence[str], key: str
) -> dict[str, Any]:
    routers: dict[str, Any] = {}
    backends: dict[str, Any] = {"fallback": _balancer(fallback_port)}
    for name, port in services.items():
        rule = " || ".join(_rule(prefix) for prefix in ROUTES[name])
        backends[name] = _balancer(port, healthCheck=HEALTH_CHECK)
        backends[f"{name}-or-fallback"] = {"failover": {"service": name, "fallback": "fallback"}}
        routers[name] = _router(name, rule, ["cors", "key", "fallback"])
        reads = f"({rule}) && (Method(`GET`) || Method(`HEAD`))"
        routers[f"{name}-reads"] = _router(name, reads, ["cors", "key", "fallback", "retry"])
    middlewares = _middlewares(allowed, key)
    return {"http": {"routers": routers, "services": backends, "middlewares": middlewares}}


def _rule(prefix: str) -> str:
    return "PathPrefix(`/`)" if prefix == "/" else f"Path(`{prefix}`) || PathPrefix(`{prefix}/`)"


def _router(name: str, rule: str, middlewares: list[str]) -> dict[str, Any]:
    return {
        "rule": rule,
        "entryPoints": ["web"],
        "service": f"{name}-or-fallback",
        "middlewares": middlewares,
    }


def _balancer(port: int, **more: Any) -> dict[str, Any]:
    return {"loadBalancer": {"servers": [{"url": f"http://{HOST}:{port}"}], **more}}


def _middlewares(allowed: Sequence[str], key: str) -> dict[str, Any]:
    return {
        # It replaces what a client has sent under this name.
        "key": {"headers": {"customRequestHeaders": {GATEWAY_KEY: key}}},
        "cors": {
            "headers": {
                "accessControlAllowOriginList": list(allowed),
                "accessControlAllowMethods": CORS_METHODS,
                "accessControlAllowHeaders": CORS_REQUEST_HEADERS,
                "accessControlExposeHeaders": CORS_RESPONSE_HEADERS,
                "accessControlMaxAge": 600,
                "addVaryHeader": True,
            }
        },
        # Not 503: a service's own 503 says more than the fallback's.
        "fallback": {
            "errors": {
                "status": ["502", "504"],
                "statusRewrites": {"502": 503, "504": 503},
                "service": "fallback",
                "query": f"/?{fallback.URL_PARAMETER}={{url}}",
            }
        },
        # Without the status, it would retry only if it could not connect.
        "retry": {"retry": {"attempts": 2, "initialInterval": "20ms", "status": ["502"]}},
    }

"""The gateway: Traefik in front of all services, with a fallback for services that are down."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from roadbike.contracts.headers import REQUEST_HEADERS
from roadbike.kit.pure.idle import CLIENT_IDLE_SECONDS
from roadbike.local import own
from roadbike.local.home import Home
from roadbike.local.ports import HOST, Ports
from roadbike.local.servers import addresses, binaries, client_limits, fallback
from roadbike.local.supervisor import probes
from roadbike.local.supervisor.part import Part, Server
from roadbike.local.users import User

READ_TIMEOUT: Final = "10s"  # for a whole request to arrive
# For a response to begin: then the fallback answers, within 2 s. Log-ins may be delayed by 2 s.
ANSWER_TIMEOUT: Final = "1900ms"
SLOW_ANSWER_TIMEOUT: Final = "10s"
SLOW_ANSWERS: Final = "slow-answers"
SLOW: Final = {"account", "storefront"}  # a log-in is on a page, too
ENTRY_POINT: Final = "web"
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
# Every path that no other service has, except those that are for operators and services only.
PAGES: Final = (
    "(PathPrefix(`/`) && !PathPrefix(`/internal`) && !PathPrefix(`/livez`) && "
    "!PathPrefix(`/readyz`) && !PathPrefix(`/metrics`) && "
    "!Path(`/openapi.json`))"
)
LAST: Final = 10  # the priority of the pages; those of others are the lengths of their rules
# Slow to give up a service that is only busy, quick to notice one that is back.
HEALTH_CHECK: Final = {
    "path": "/readyz",
    "interval": "1s",
    "timeout": "5s",
    "unhealthyInterval": "200ms",
}
# Where another replica can answer, one that hangs is given up soon.
REPLICA_HEALTH_CHECK: Final = HEALTH_CHECK | {"timeout": "1s"}
# Until its routes are loaded, Traefik answers every path with 404.
ROUTES_LOADED: Final = (200, 401, 503)
# While it considers a service down, its fallback answers 503; other statuses are the service's own.
SERVICE_REACHED: Final = (200, 401, 404, 405)
MAX_BODY_BYTES: Final = 64 * 1024  # as services accept (kit/web/bodies.py)
FAILED: Final = 599  # between two middlewares: a service's own 500, whose cause is not the body
STRIPPED_HEADERS: Final = (
    "X-Timeout-Ms",  # only services may shorten a deadline
    "Upgrade",  # no service speaks another protocol, and an upgrade hides the body from its parser
)
# A length stays among the headers that Traefik sees, `Transfer-Encoding: chunked` does not.
UNSIZED: Final = (
    "!HeaderRegexp(`Content-Length`, `.`) && (Method(`POST`) || Method(`PUT`) || Method(`PATCH`))"
)
GATEWAY_KEY: Final = "X-Gateway-Key"
CORS_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CORS_RESPONSE_HEADERS: Final = ("Content-Language", "ETag", "Location", "Retry-After")


def part(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    services: Mapping[str, Sequence[int]],
    key: str,
    user: User | None = None,
) -> Part:
    """Return the gateway as a part.

    `services` are the ports of the replicas of the services to route to, by service.
    key: proves to the services that a request comes from the gateway.
    user: the user that it runs as; None for our own.
    """
    folder = home.path / "gateway"
    return Part(
        name="gateway",
        port=ports.gateway,
        runs=Server(
            program=binaries.traefik(environ),
            # Traefik replaces $NAME in it by the variable, whose own value stays as it is.
            arguments=(f"--configFile=$HOME/{CONFIG}",),
            environ={"GOMAXPROCS": "1", "HOME": str(folder)},
            user=user.ids if user else None,
            socket_name=ENTRY_POINT,
        ),
        is_ready=probes.http(ports.gateway, ROUTES[next(iter(services))][0], accept=ROUTES_LOADED),
        # A host that is not ours is answered without a service.
        is_live=probes.http_life(ports.gateway, "/", host="watchdog.invalid"),
        prepare_each=partial(
            write,
            folder,
            configuration(
                folder,
                ports,
                environ,
                {name: [_local(port) for port in replicas] for name, replicas in services.items()},
                key,
            ),
            user.gid if user else None,
        ),
    )


def configuration(
    folder: Path,
    ports: Ports,
    environ: Mapping[str, str],
    services: Mapping[str, Sequence[str]],
    key: str,
    host: str = HOST,
) -> dict[str, Any]:
    """Return the contents of Traefik's files in that folder, by their names.

    services: the URLs of the replicas of each service. host: to listen on; "" is every address.
    """
    allowed, hosts = addresses.origins(ports, environ), addresses.hosts(environ)
    base = settings(folder, ports, host)
    routes = routing(services, _local(ports.fallback), allowed, hosts, key)
    if rate := client_limits.per_second(environ):
        client_limits.add_entry_point(base, ports.limits)
        client_limits.add_limit(routes, ports.limits, rate)
    return {CONFIG: base, ROUTING: routes}


def write(folder: Path, contents: Mapping[str, Any], group: int | None) -> None:
    """Write the files. group: whose members may read them, too."""
    # Traefik chooses the parser by the file's name, and JSON is valid YAML.
    for name, content in contents.items():
        own.write(folder / name, msgspec.json.format(msgspec.json.encode(content)))
        own.share(folder / name, group)


def _local(port: int) -> str:
    return f"http://{HOST}:{port}"


def settings(folder: Path, ports: Ports, host: str = HOST) -> dict[str, Any]:
    return {
        "entryPoints": {
            ENTRY_POINT: {
                "address": f"{host}:{ports.gateway}",
                "transport": {
                    "respondingTimeouts": {"readTimeout": READ_TIMEOUT},
                    "lifeCycle": {"graceTimeOut": "5s"},
                },
            }
        },
        "providers": {"file": {"filename": str(folder / ROUTING), "watch": False}},
        "log": {"level": "ERROR"},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "serversTransport": _transport(ANSWER_TIMEOUT),
    }


def _transport(answer_timeout: str) -> dict[str, Any]:
    return {
        "forwardingTimeouts": {
            "dialTimeout": "1s",
            "responseHeaderTimeout": answer_timeout,
            "idleConnTimeout": f"{CLIENT_IDLE_SECONDS}s",
        }
    }


def routing(
    services: Mapping[str, Sequence[str]],
    fallback_url: str,
    allowed: Sequence[str],
    hosts: Sequence[str],
    key: str,
) -> dict[str, Any]:
    """Return the routes. What no service serves is answered by the fallback.

    So is a request to another host than these: a web page whose own host name was made to lead
    here (DNS rebinding) sends that name.
    A body without a length is read by the gateway before a service is asked: if it is malformed,
    Traefik answers 500, and only then that is not the service's own answer.
    """
    to_us = " || ".join(f"Host(`{host}`)" for host in hosts)
    whole = ["safe", "malformed", "whole-body"]
    routers: dict[str, Any] = {
        client_limits.OTHER_HOSTS: _router(f"!({to_us})", "fallback", [*whole, "other-host"]),
        "no-service": _router(to_us, "fallback", [*whole, "no-service"]) | {"priority": 1},
    }
    backends: dict[str, Any] = {"fallback": _balancer([fallback_url])}
    for name, replicas in services.items():
        paths = " || ".join(_rule(prefix) for prefix in ROUTES[name])
        rule = f"({to_us}) && ({paths})"
        check = HEALTH_CHECK if len(replicas) == 1 else REPLICA_HEALTH_CHECK
        transport = {"serversTransport": SLOW_ANSWERS} if name in SLOW else {}
        backends[name] = _balancer(replicas, healthCheck=check, **transport)
        backends[f"{name}-or-fallback"] = {"failover": {"service": name, "fallback": "fallback"}}
        begin, to_service = ["safe", "cors"], ["strip", "key", "fallback"]
        usual = [*begin, *to_service]
        routers[name] = _router(rule, f"{name}-or-fallback", usual)
        chain = [*begin, "malformed", "whole-body", "failed", *to_service]
        routers[f"{name}-unsized"] = _router(f"{rule} && {UNSIZED}", f"{name}-or-fallback", chain)
        reads = f"{rule} && (Method(`GET`) || Method(`HEAD`))"
        routers[f"{name}-reads"] = _router(reads, f"{name}-or-fallback", [*usual, "retry"])
    for name in services:
        if ROUTES[name] == ("/",):  # Traefik tries the longest rule first, unless it has a number
            _come_last(routers, name)
    middlewares = _middlewares(allowed, key)
    return {
        "http": {
            "routers": routers,
            "services": backends,
            "middlewares": middlewares,
            "serversTransports": {SLOW_ANSWERS: _transport(SLOW_ANSWER_TIMEOUT)},
        }
    }


def _come_last(routers: dict[str, Any], name: str) -> None:
    """Let all routers of other services go before those of this one."""
    for number, router in enumerate(sorted(each for each in routers if each.startswith(name))):
        routers[router]["priority"] = LAST + number


def _rule(prefix: str) -> str:
    return PAGES if prefix == "/" else f"Path(`{prefix}`) || PathPrefix(`{prefix}/`)"


def _router(rule: str, service: str, middlewares: list[str]) -> dict[str, Any]:
    return {
        "rule": rule,
        "entryPoints": [ENTRY_POINT],
        "service": service,
        "middlewares": middlewares,
    }


def _balancer(urls: Sequence[str], **more: Any) -> dict[str, Any]:
    servers = [{"url": url} for url in urls]
    return {"loadBalancer": {"servers": servers, **more}}


def _answered_by_fallback(rewrites: Mapping[int, int], *others: int) -> dict[str, Any]:
    """Return what replaces answers with these statuses by the fallback's; others keep theirs."""
    return {
        "errors": {
            "status": [str(status) for status in (*rewrites, *others)],
            "statusRewrites": {str(status): to for status, to in rewrites.items()},
            "service": "fallback",
            "query": f"/?{fallback.STATUS_PARAMETER}={{status}}&{fallback.URL_PARAMETER}={{url}}",
        }
    }


def _middlewares(allowed: Sequence[str], key: str) -> dict[str, Any]:
    return {
        # On every answer, also on those that Traefik makes itself.
        "safe": {"headers": {"customResponseHeaders": dict(fallback.SAFE_HEADERS)}},
        # It replaces what a client has sent under this name.
        "key": {"headers": {"customRequestHeaders": {GATEWAY_KEY: key}}},
        "cors": {
            "headers": {
                "accessControlAllowOriginList": list(allowed),
                "accessControlAllowMethods": CORS_METHODS,
                "accessControlAllowHeaders": REQUEST_HEADERS,
                "accessControlExposeHeaders": CORS_RESPONSE_HEADERS,
                "accessControlMaxAge": 600,
                "addVaryHeader": True,
            }
        },
        # The fallback answers these paths with 421 and 404.
        "other-host": {"replacePath": {"path": fallback.OTHER_HOST}},
        "no-service": {"replacePath": {"path": fallback.NO_SERVICE}},
        "whole-body": {"buffering": {"maxRequestBodyBytes": MAX_BODY_BYTES}},
        "failed": _answered_by_fallback({500: FAILED}),
        "malformed": _answered_by_fallback({500: 400, FAILED: 500}, 413),
        # An empty value removes the header.
        "strip": {"headers": {"customRequestHeaders": dict.fromkeys(STRIPPED_HEADERS, "")}},
        # Not 503: a service's own 503 says more than the fallback's.
        "fallback": _answered_by_fallback({502: 503, 504: 503}),
        # Without the status, it would retry only if it could not connect.
        "retry": {"retry": {"attempts": 2, "initialInterval": "20ms", "status": ["502"]}},
    }

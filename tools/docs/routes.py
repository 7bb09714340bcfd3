"""The HTTP routes of a service, with the wire names of their parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from litestar.handlers import HTTPRouteHandler

from roadbike.kit.process.service import Service

PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. who: the caller that it serves, `anyone` when it needs no token."""

    method: str
    path: str
    who: str
    summary: str

    @property
    def request(self) -> str:
        """Return it as a request line: `GET /stocks/{bikeId}`."""
        return f"{self.method} {self.path}"

    @property
    def changes_something(self) -> bool:
        """Return whether it is a command, not a query."""
        return self.method not in {"GET", "HEAD", "OPTIONS"}


def endpoints(service: Service, wire_names: Mapping[str, str]) -> list[Endpoint]:
    """Return the service's own routes; health, status and OpenAPI are kit's and left out."""
    return [
        Endpoint(method, _readable(path, wire_names), _who(route), _text(route.summary))
        for route in service.routes
        for path in sorted(route.paths)
        for method in sorted(str(method) for method in route.http_methods)
        if method != "HEAD"
    ]


def request_line(
    service: Service, wire_names: Mapping[str, str], method: str, path: str
) -> Endpoint:
    """Return the endpoint that serves this request. Raises LookupError when none does."""
    for one in endpoints(service, wire_names):
        shape = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one.path))
        if one.method == method and re.fullmatch(shape, path.partition("?")[0]):
            return one
    raise LookupError(f"{service.name} has no route {method} {path}")


def _readable(path: str, wire_names: Mapping[str, str]) -> str:
    return PARAMETER.sub(lambda found: f"{{{wire_names.get(found[1], found[1])}}}", path)


def _who(route: HTTPRouteHandler) -> str:
    return str(route.opt["who"].name).lower()


def _text(summary: object) -> str:
    return summary if isinstance(summary, str) else ""

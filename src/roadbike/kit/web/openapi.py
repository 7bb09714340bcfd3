"""The OpenAPI 3.1 document of a service, from the types of its routes."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from litestar import Router
from litestar.connection import Request
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from roadbike.kit.web.access import ANYONE, INTERNAL, authorize
from roadbike.kit.web.hal import Reply
from roadbike.kit.web.media import JSON
from roadbike.kit.web.routes import Route, get

TEMPLATE: Final = "#/components/schemas/{name}"
IGNORED: Final = {"description": "Ignored: the server sets it.", "deprecated": True}


def openapi_config(title: str, version: str) -> OpenAPIConfig:
    """Return Litestar's settings; its own pages, which load other hosts, are only for services."""
    token = SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
    return OpenAPIConfig(
        title=title,
        version=version,
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin()],
        openapi_router=Router(
            "/internal/openapi",
            route_handlers=[],
            before_request=authorize,
            opt={"who": INTERNAL},
            include_in_schema=False,
        ),
        components=Components(security_schemes={"token": token}),
    )


class OpenApi:
    """Serves the document, which is made at the first request for it."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._bodies = [route.opt["body"] for route in routes if route.opt.get("body")]
        self._document: bytes | None = None

    def routes(self) -> list[Route]:
        """Return the route of the document."""
        return [
            get(
                "/openapi.json",
                self.document,
                who=ANYONE,
                media_type=JSON,
                public_cache=True,
                in_schema=False,
            )
        ]

    async def document(self, request: Request[Any, Any, Any]) -> Reply[bytes]:
        """Return the document as JSON."""
        if self._document is None:
            document = request.app.openapi_schema.to_schema()
            document["components"]["schemas"].update(_strict_schemas(self._bodies))
            self._document = msgspec.json.encode(document)
        return Reply(self._document)


def _strict_schemas(bodies: Iterable[Any]) -> dict[str, Any]:
    """Return msgspec's own schemas of bodies: they say that unknown members are refused."""
    types = list(dict.fromkeys(bodies))
    _, schemas = msgspec.json.schema_components(types, ref_template=TEMPLATE)
    for type_ in types:
        schema = schemas[type_.__name__]
        ignored = sorted(getattr(type_, "ignored", ()))
        schema["properties"] |= {
            name: IGNORED for name in ignored if name not in schema["properties"]
        }
    return schemas

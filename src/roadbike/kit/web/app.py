"""The HTTP interface of a service as one ASGI app."""

from collections.abc import Sequence
from typing import Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.types import ExceptionHandlersMap

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.auth.tokens import Verifier
from roadbike.kit.translations import Translations
from roadbike.kit.web.access import Access, provide_caller
from roadbike.kit.web.bodies import MAX_BODY_BYTES
from roadbike.kit.web.client import NO_GATEWAY, Gateway, provide_client
from roadbike.kit.web.conditions import provide_condition, provide_if_match
from roadbike.kit.web.edge import Edge
from roadbike.kit.web.exceptions import problem_response
from roadbike.kit.web.health import Faults, HealthApi, Ready, StatusReport
from roadbike.kit.web.hot import HotRoutes
from roadbike.kit.web.openapi import OpenApi, openapi_config
from roadbike.kit.web.pages import problem_routes
from roadbike.kit.web.places import Places
from roadbike.kit.web.rates import MINUTE_SECONDS, RateLimit
from roadbike.kit.web.routes import options

HANDLERS: Final[ExceptionHandlersMap] = {Exception: problem_response}


def http_app(  # noqa: PLR0913 one keyword for each part of the app
    *,
    title: str,
    routes: Sequence[HTTPRouteHandler],
    tokens: Verifier,
    services: ServiceTokens,
    translations: Translations,
    status: StatusReport,
    ready: Ready,
    faults: Faults = tuple,
    gateway: Gateway = NO_GATEWAY,
    writes_per_minute: int = 0,
    places: Places | None = None,
    version: str = "1.0",
) -> Edge:
    """Return the app: the service's routes plus health, problem pages and /openapi.json.

    title, version: of the OpenAPI document. tokens, services: verify access and internal tokens.
    status: returns the body of /internal/status. ready: false while starting and stopping.
    faults: what is wrong with the broker's settings, for /readyz.
    gateway: the gateway in front, which is believed about the address of a client.
    writes_per_minute: of each buyer; 0 is no limit. places: of the requests that are worked on.
    """
    all_routes = [
        *routes,
        *HealthApi(ready, status, faults).routes(),
        *problem_routes(),
        *OpenApi(routes).routes(),
    ]
    app = Litestar(
        [*options(all_routes), *all_routes],  # before the others, else Litestar adds its own
        dependencies=_dependencies(),
        exception_handlers=HANDLERS,
        openapi_config=openapi_config(title, version),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
        state=State(
            {
                "access": Access(tokens, services),
                "translations": translations,
                "gateway": gateway,
                "ready": ready,
                "writes": RateLimit(writes_per_minute, MINUTE_SECONDS),
            }
        ),
    )
    return Edge(app, translations, HotRoutes(app), places)


def _dependencies() -> dict[str, Provide]:
    """Return what handlers may take by name; one that takes two costs an asyncio task for each."""
    return {
        "caller": Provide(provide_caller),
        "client": Provide(provide_client, sync_to_thread=False),
        "condition": Provide(provide_condition, sync_to_thread=False),
        "if_match": Provide(provide_if_match, sync_to_thread=False),
    }

"""The HTTP side of a service as one ASGI app."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.types import ExceptionHandlersMap

from roadbike.kit.auth import ServiceTokens, Verifier
from roadbike.kit.translations import Translations
from roadbike.kit.web.access import Access, provide_caller
from roadbike.kit.web.bodies import LARGEST
from roadbike.kit.web.client import provide_client
from roadbike.kit.web.conditions import provide_if_match
from roadbike.kit.web.edge import Edge
from roadbike.kit.web.exceptions import answer_failure
from roadbike.kit.web.health import Figures, HealthApi, Ready
from roadbike.kit.web.openapi import OpenApi, openapi_config
from roadbike.kit.web.pages import problem_routes
from roadbike.kit.web.routes import options

HANDLERS: Final[ExceptionHandlersMap] = {Exception: answer_failure}


def http_app(  # noqa: PLR0913 its parts come from elsewhere, each by name
    *,
    name: str,
    routes: Sequence[HTTPRouteHandler],
    tokens: Verifier,
    services: ServiceTokens,
    messages: Translations,
    status: Figures,
    ready: Ready,
    trusted_hops: int = 0,
    version: str = "1.0",
) -> Edge:
    """Build the app: the service's routes plus health, problem pages and /openapi.json.

    status: the figures of /internal/status. ready: false while starting and draining.
    trusted_hops: how many proxies of ours stand in front (for the client's address).
    """
    all_routes = [
        *routes,
        *HealthApi(ready, status).routes(),
        *problem_routes(),
        *OpenApi(routes).routes(),
    ]
    app = Litestar(
        [*options(all_routes), *all_routes],  # first: else Litestar makes its own
        dependencies=_dependencies(),
        exception_handlers=HANDLERS,
        openapi_config=openapi_config(name, version),
        request_max_body_size=LARGEST,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
        state=State(_state(Access(tokens, services), messages, trusted_hops)),
    )
    return Edge(app, messages)


def _state(access: Access, messages: Translations, trusted_hops: int) -> Mapping[str, Any]:
    return {"access": access, "messages": messages, "trusted_hops": trusted_hops}


def _dependencies() -> dict[str, Provide]:
    """A handler with two of them costs a task for each: the hot ones take one."""
    return {
        "caller": Provide(provide_caller),
        "client": Provide(provide_client, sync_to_thread=False),
        "if_match": Provide(provide_if_match, sync_to_thread=False),
    }

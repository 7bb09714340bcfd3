"""Each route of each service takes just the query parameters that its OpenAPI document lists."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import pytest

from tests.kit.web.idle_service import FREE, IdleService
from tools.docs.services import NAMES, build

STRANGERS: Final = ("x", "id", "filter", "limit", "Page", "SIZE", "sort[]", "null", "")


# pages ignore what they do not know: links from other sites carry parameters
WITH_API = [name for name in NAMES if name != "storefront"]


@pytest.fixture(scope="module", params=WITH_API)
def service(request: pytest.FixtureRequest) -> Iterator[IdleService]:
    service = IdleService(build(request.param, {}))
    yield service
    service.close()


def test_a_route_takes_what_its_document_lists_and_nothing_else(service: IdleService) -> None:
    listed = service.query_parameters()
    every_name = {name for parameters in listed.values() for name in parameters} | {*STRANGERS}

    for route in service.routes:
        documented = listed[route]
        assert service.asks_well(route, b"")
        for name in every_name:
            values = documented.get(name)
            query = f"{quote(name)}={quote((values or ['1'])[0])}".encode()
            assert service.asks_well(route, query) == (values is not None), (route.paths, query)


def test_no_parameter_is_empty_null_or_in_another_case(service: IdleService) -> None:
    for route, documented in service.query_parameters().items():
        for name, values in documented.items():
            value = quote(values[0])
            wrong = [f"{name}=", name, f"{name.upper()}={value}", f"{name}={value}&{name}={value}"]
            if values != FREE:
                wrong += [f"{name}=null", f"{name}=%20{value}", f"{name}=undefined"]
            for query in wrong:
                assert not service.asks_well(route, query.encode()), (route.paths, query)


def test_every_sort_field_works_both_ways(service: IdleService) -> None:
    for route, documented in service.query_parameters().items():
        for field in documented.get("sort", ()):
            for direction in ("", ",asc", ",desc", ",ASC", ",Desc"):
                assert service.asks_well(route, f"sort={field}{direction}".encode())


def test_a_whole_number_has_one_form_in_every_address(service: IdleService) -> None:
    odd: list[Any] = ["+1", "01", " 1", "1 ", "1_0", "１", "١", "1.0", "-1"]
    for route in service.routes:
        path = next(iter(route.paths))
        if ":int}" in path or ":uuid}" in path:
            uuid = str(UUID(int=0xABCDEF))
            forms = odd if ":int}" in path else [*odd, uuid.upper(), uuid.replace("-", "")]
            for form in [*forms, f"{{{uuid}}}", f"urn:uuid:{uuid}"]:
                assert service.ask(route, parameter=form, body=b"{}") == 404, (path, form)

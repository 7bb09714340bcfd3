"""The OpenAPI document is valid, agrees with the code, and refers to no other host."""

from typing import Any

from openapi_spec_validator import validate


async def document(send: Any) -> dict[str, Any]:
    document: dict[str, Any] = (await send("GET /openapi.json")).json()
    return document


async def test_it_is_valid_openapi(send: Any) -> None:
    found = await document(send)

    validate(found)
    assert found["openapi"].startswith("3.1")


async def test_it_has_only_the_routes_of_the_service(send: Any) -> None:
    found = await document(send)

    assert set(found["paths"]["/things/{number}"]) == {"get", "patch", "put", "delete"}
    assert not [path for path in found["paths"] if "problem" in path or "livez" in path]


async def test_bodies_allow_no_unknown_members(send: Any) -> None:
    schemas = (await document(send))["components"]["schemas"]

    for name in ("NewThing", "ThingEdit", "Part"):
        assert schemas[name]["additionalProperties"] is False
    assert schemas["NewThing"]["required"] == ["thingNm", "price"]
    assert schemas["NewThing"]["properties"]["price"] == {"type": "integer", "minimum": 0}


async def test_ignored_members_are_marked_as_deprecated(send: Any) -> None:
    schemas = (await document(send))["components"]["schemas"]

    assert schemas["NewThing"]["properties"]["thingStatus"]["deprecated"] is True


async def test_each_operation_names_its_problems_and_its_security(send: Any) -> None:
    add = (await document(send))["paths"]["/things"]["post"]

    assert add["operationId"] == "thing_add"
    assert add["summary"] == "Add a thing"
    assert add["security"] == [{"token": []}]
    assert set(add["responses"]) == {
        *("201", "400", "401", "403", "409", "413", "415", "422", "500", "503")
    }
    media = add["responses"]["422"]["content"]
    assert media == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }


async def test_if_match_is_a_parameter_of_edits(send: Any) -> None:
    paths = (await document(send))["paths"]

    edit = {parameter["name"] for parameter in paths["/things/{number}"]["patch"]["parameters"]}
    assert edit == {"number", "If-Match", "If-None-Match"}


async def test_it_names_no_other_host(send: Any) -> None:
    assert "://" not in (await send("GET /openapi.json")).text

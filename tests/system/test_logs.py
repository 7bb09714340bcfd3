"""A purchase and a request are found in the logs of all services, which hold no personal data."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any
from uuid import UUID, uuid4

from roadbike.kit.trace import new_traceparent
from tests.system.real_shop import SERVICES, Shop
from tests.system.shop_client import Person, ShopClient, until

CANARY = "canary9f2c"
NAME, ADDRESS, PASSWORD = f"이름{CANARY}", f"주소 {CANARY} 1", f"자전거를 타고 {CANARY}"
PHONE, POSTCODE = "010-7700-0429", "98765"  # five digits may stand in any id
MARKED = (CANARY, PHONE, PHONE.replace("-", ""))
DELIVERED = {"userNm": NAME, "telNo": PHONE, "zipCd": POSTCODE, "addrNm": ADDRESS}
PARAMETER = re.compile(r"\{[^}]*\}")
EVENTS = ("events.sent", "events.consumed")


async def found(shop: Shop, *arguments: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the lines that `roadbike logs` finds: the part and the members of each."""
    result = await shop.roadbike("logs", *arguments)
    assert result.code == 0, result
    named = [line.split(maxsplit=1) for line in result.out.splitlines()]
    return [(part, json.loads(text)) for part, text in named]


async def paid(buyer: Person, bike_id: int, traceparent: str) -> str:
    """Reserve and pay, each as a request of its own trace; return the reserveId."""
    reserve_id = await buyer.reserved(bike_id)
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    answer = await buyer.request(
        "PATCH", f"/payments/{pay_id}", {"payStatus": "결제완료"}, traceparent=traceparent
    )
    assert answer.status == 200, answer
    return reserve_id


async def test_a_purchase_and_a_request_are_found_in_all_logs(client: ShopClient) -> None:
    buyer = client.buyer()
    bike_id = await client.bike(units=2)
    other = await buyer.reserved(bike_id)
    traceparent = new_traceparent()
    trace = traceparent.split("-")[1]

    reserve_id = await paid(buyer, bike_id, traceparent)
    await client.settle()

    purchase = await found(client.shop, "--reserve", reserve_id)
    assert {part for part, _ in purchase} >= set(SERVICES) - {"account", "storefront"}
    assert [line["timestamp"] for _, line in purchase] == sorted(
        line["timestamp"] for _, line in purchase
    )
    requests = {
        (line["method"], line["route"]) for _, line in purchase if line["event"] == "http.request"
    }
    assert requests >= {
        ("POST", "/reservations"),
        ("PUT", "/internal/payments/{reservation_id}"),
        ("PATCH", "/payments/{payment_id}"),
    }
    assert types(purchase, "events.sent") >= {
        *("PaymentOpened", "ReservationRegistered", "StockAllocated"),
        *("PaymentConfirming", "PaymentApproved", "DeliveryPrepared"),
    }
    assert other not in json.dumps(purchase)

    request = await found(client.shop, "--trace", trace)
    assert {line["route"] for _, line in request if "route" in line} == {"/payments/{payment_id}"}
    assert {part for part, line in request if line["event"] == "events.consumed"} >= {
        *("delivery", "mypage"),
    }
    batches = [line for _, line in request if line["event"] in EVENTS]
    assert {key for line in batches for key in line["keys"]} == {reserve_id}
    assert {each for line in batches for each in line["traces"]} == {trace}


def types(lines: list[tuple[str, dict[str, Any]]], event: str) -> set[str]:
    """Return the names of all types in the batches, also of events that are not asked for."""
    return {
        name.split(".")[1] for _, line in lines if line["event"] == event for name in line["types"]
    }


async def test_no_log_has_personal_data_or_secrets(client: ShopClient) -> None:
    user_id = f"buyer{uuid4().hex[:8]}"
    token = await signed_up(client, user_id)
    buyer, staff = Person(client, user_id, token), client.admin
    bike_id = await client.bike(units=3)

    await a_whole_purchase(client, buyer, staff, bike_id)
    await every_route(client, [buyer, staff, Person(client, "nobody", f"{CANARY}.{CANARY}.x")])
    await client.settle()

    logs = {file.name: file.read_text() for file in client.shop.home.logs.iterdir()}
    assert len(logs) >= len(SERVICES) + 4
    for name in SERVICES:  # no more than logs may they hold personal data
        async with client.http.get(f"{client.shop.address(name)}/metrics") as response:
            logs[f"metrics of {name}"] = await response.text()
    secrets = [*MARKED, token, *shop_secrets(client.shop)]
    leaks = [
        (name, secret[:12]) for name, log in logs.items() for secret in secrets if secret in log
    ]
    assert leaks == []


async def signed_up(client: ShopClient, user_id: str) -> str:
    """Sign up and log in; return the access token."""
    login = {"userId": user_id, "password": PASSWORD}
    opened = await client.nobody.request("POST", "/accounts", {**login, "userNm": NAME})
    assert opened.status == 201, opened
    wrong = {"userId": PASSWORD, "password": PASSWORD}  # typed into the wrong field
    assert (await client.nobody.request("POST", "/accounts/tokens", wrong)).status in {401, 422}
    token: str = (await client.nobody.request("POST", "/accounts/tokens", login)).body[
        "access_token"
    ]
    buyer = Person(client, user_id, token)
    assert (await buyer.request("PATCH", "/accounts/me", DELIVERED)).status == 200
    return token


async def a_whole_purchase(client: ShopClient, buyer: Person, staff: Person, bike_id: int) -> None:
    """Reserve with marked data, pay, deliver, recall: every event with personal data."""
    body = {"bikeId": bike_id, **DELIVERED}
    made = await buyer.request("POST", "/reservations", body, Idempotency_Key=f"{CANARY}-1")
    assert made.status == 201, made
    reserve_id = made.body["reserveId"]
    pay_id = (await buyer.payment_of(reserve_id))["payId"]
    paying = {"payStatus": "결제완료"}
    assert (await buyer.request("PATCH", f"/payments/{pay_id}", paying)).status == 200
    delivery_id = await until(
        lambda: startable(buyer, staff, reserve_id), bool, "the delivery can start"
    )
    for status in ("배송시작", "배송완료", "회수중", "회수완료"):
        moved = await staff.request(
            "PATCH",
            f"/deliveries/{delivery_id}",
            {"deliveryStatus": status, "carrier": CANARY, "trackingNo": "4200-1"}
            if status == "배송시작"
            else {"deliveryStatus": status},
        )
        assert moved.status == 200, moved
    await client.settle()


async def startable(buyer: Person, staff: Person, reserve_id: str) -> str | None:
    page = await buyer.request("GET", f"/myPages/{reserve_id}")
    delivery_id: str | None = page.body.get("deliveryId") if page.status == 200 else None
    if delivery_id is None:
        return None
    parcel = await staff.get(f"/deliveries/{delivery_id}")
    return delivery_id if "start" in parcel["_links"] else None


async def every_route(client: ShopClient, people: list[Person]) -> None:
    """Send marked data to every route that the services document: in path, query, body, headers."""
    for service in SERVICES:
        base = client.shop.address(service)
        async with client.http.get(f"{base}/openapi.json") as response:
            document = await response.json()
        for path, method, body in operations(document):
            for person, query in product(people, ("", f"?q={CANARY}&{CANARY}=1")):
                marked = {
                    "Authorization": f"Bearer {person.token}",
                    "Idempotency-Key": f"{CANARY}-2",
                    "Cookie": f"session={CANARY}",
                }
                async with client.http.request(
                    method, f"{base}{path}{query}", json=body, headers=marked
                ) as response:
                    await response.read()


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Return path, method and body of each operation, with a mark in each place for a text."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            schemas = [
                _resolved(document, media["schema"])
                for media in operation.get("requestBody", {}).get("content", {}).values()
            ]
            body = None
            for schema in schemas:
                body = dict.fromkeys(schema.get("properties", {}), CANARY)
                body |= {name: value for name, value in DELIVERED.items() if name in body}
            for filled in {_filled(path, operation), PARAMETER.sub(CANARY, path)}:
                yield filled, method.upper(), body


def _filled(path: str, operation: Mapping[str, Any]) -> str:
    """Return the path with an id of the right form in each place for one."""
    for parameter in operation.get("parameters", []):
        schema = parameter.get("schema", {})
        id_ = str(UUID(int=7)) if schema.get("format") == "uuid" else "1"
        text = id_ if schema.get("type") == "integer" or "format" in schema else CANARY
        path = path.replace(f"{{{parameter['name']}}}", text)
    return path


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
    return found


def shop_secrets(shop: Shop) -> list[str]:
    """Return every password of the shop, and the private part of each of its keys."""
    passwords = json.loads((shop.home.path / "secrets.json").read_text())
    files = [file for file in shop.home.keys.rglob("*") if file.is_file()]
    keys = [json.loads(file.read_text()) for file in files]
    found = [*_texts(passwords), *(key["d"] for key in keys if "d" in key)]
    assert len(found) > len(SERVICES)
    return found


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case _:
            pass

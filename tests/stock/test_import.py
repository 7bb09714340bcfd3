"""Bikes as a table: what staff's list exports can be imported, all of it or nothing."""

import csv
from io import StringIO
from typing import Any

import httpx
import pytest

from tests import listed, service_harness
from tests.stock.conftest import Stock

HEAD = "bikeId,version,bikeNm,brand,frameSize,colour,price,stockQty,onSale,description"


@pytest.fixture
def boss(client: httpx.AsyncClient) -> service_harness.ApiClient:
    return service_harness.api_client(client, "boss", "admin")


async def send(boss: service_harness.ApiClient, text: str | bytes, query: str = "") -> Any:
    headers = {**boss.headers, "Content-Type": "text/csv"}
    content = text if isinstance(text, bytes) else text.encode()
    return await boss.client.post(f"/stocks/import{query}", content=content, headers=headers)


def written(rows: list[dict[str, str]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


async def test_a_file_adds_bikes_and_changes_others(
    stock: Stock, boss: service_harness.ApiClient
) -> None:
    await stock.register(1)
    rows = f'{HEAD}\n1,1,화살 54,=가온,54,,"6,400,000",5,true,\n2,,새 자전거,,,,1000,3,false,글'

    tried = await send(boss, rows, "?dryRun=true")
    assert tried.json() == {"new": 1, "changed": 1, "unchanged": 0, "dryRun": True}
    assert (await stock.bike(1)).price == 5_100_000
    done = await send(boss, rows)

    assert done.json() == {"new": 1, "changed": 1, "unchanged": 0, "dryRun": False}
    one, two = await stock.bike(1), await stock.bike(2)
    assert (one.bike_name, one.price, one.stock_quantity, one.version) == (
        "화살 54",
        6_400_000,
        5,
        2,
    )
    assert (two.withdrawn, two.description, two.changed_by) == (True, "글", "boss")
    assert await stock.published_types() == ["StockRegistered", "StockChanged", "StockRemoved"]
    assert await stock.ledger(1) == [("staff", 2), ("staff", 3)]


async def test_what_is_exported_can_be_imported_again(
    stock: Stock, boss: service_harness.ApiClient
) -> None:
    await stock.register(1, brand="=1+1", description="두\n줄")
    await stock.register(2)
    table = await listed.table(boss, "/stocks/all?withdrawn=true")
    assert table[0]["brand"] == "'=1+1"

    same = await send(boss, written(table))
    changed = await send(boss, written([row | {"stockQty": "9"} for row in table]))
    again = await send(boss, written([row | {"stockQty": "9"} for row in table]))

    assert same.json() == {"new": 0, "changed": 0, "unchanged": 2, "dryRun": False}
    assert changed.json()["changed"] == 2
    assert again.status_code == 422
    assert (await stock.bike(1)).brand == "=1+1"
    assert (await stock.bike(1)).version == 2


async def test_a_file_of_a_korean_spreadsheet_is_read(
    stock: Stock, boss: service_harness.ApiClient
) -> None:
    text = "bikeId,bikeNm,price,stockQty\r\n7,가온바람 화살,1000,1\r\n,,,\r\n"

    answer = await send(boss, text.encode("cp949"))

    assert answer.status_code == 200, answer.text
    assert (await stock.bike(7)).bike_name == "가온바람 화살"


async def test_rows_are_refused_by_line_and_nothing_is_done(
    stock: Stock, boss: service_harness.ApiClient
) -> None:
    await stock.register(1)
    await stock.register(2)
    rows = [
        *(HEAD, "1,,Emonda,,,,1,1,,", "2,7,Emonda,,,,1,1,,", "3,1,Domane,,,,1,1,,"),
        *("4,,,,,,free,-1,maybe,", "5,,Good,,,,1,1,,", "5,,Good again,,,,1,1,,"),
    ]

    answer = await send(boss, "\n".join(rows))

    assert answer.status_code == 422
    wrong = [error["pointer"] for error in answer.json()["errors"]]
    assert wrong[:3] == ["/2/version", "/3/version", "/4/bikeId"]
    assert wrong[3:7] == ["/5/bikeNm", "/5/price", "/5/stockQty", "/5/onSale"]
    assert wrong[7:] == ["/7/bikeId"]
    details = [error["detail"] for error in answer.json()["errors"]]
    assert details[4:6] == ["6400000처럼 0 이상의 정수를 숫자로 적어 주세요."] * 2
    assert details[6] == "true(판매 중) 또는 false(판매 중단)로 적어 주세요."
    assert answer.json()["faultCount"] == len(wrong)
    assert await stock.published_types() == ["StockRegistered"] * 2


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("", "/1/bikeId"),
        ("bikeId,bikeNm,price\n", "/1/stockQty"),
        ("bikeId,bikeNm,price,stockQty,gears\n", "/1/gears"),
        ("bikeId,bikeNm,price,stockQty,price\n", "/1/price"),
    ],
)
async def test_a_wrong_first_row_is_refused(
    boss: service_harness.ApiClient, text: str, pointer: str
) -> None:
    answer = await send(boss, text or "\n")

    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_what_is_no_table_is_refused(
    client: httpx.AsyncClient, boss: service_harness.ApiClient
) -> None:
    assert (await send(boss, b"\xff\xfe\x00")).status_code == 400
    assert (await send(boss, "a" * 5_000_000)).status_code == 413
    json = {**boss.headers, "Content-Type": "application/json"}
    assert (await client.post("/stocks/import", content=b"{}", headers=json)).status_code == 415
    kim = service_harness.api_client(client, "kim", "buyer")
    assert (await send(kim, HEAD)).status_code == 403


async def test_five_thousand_rows_are_one_transaction(
    stock: Stock, boss: service_harness.ApiClient
) -> None:
    rows = [f"{number},,Bike {number},,,,1000,2,," for number in range(1, 5001)]

    with stock.statements() as executed:
        answer = await send(boss, "\n".join([HEAD, *rows]))

    assert answer.json()["new"] == 5000
    assert len(executed) < 100
    assert len(await stock.published()) == 5000


@pytest.mark.parametrize(
    ("query", "bikes"),
    [
        ("", [1, 2]),
        ("&withdrawn=true", [1, 2, 3]),
        ("&low=true", [1]),
        ("&q=domane", [2]),
        ("&q=1", [1]),
        ("&q=nothing", []),
    ],
)
async def test_filters_narrow_the_list(
    stock: Stock, boss: service_harness.ApiClient, query: str, bikes: list[int]
) -> None:
    await stock.register(1)
    await stock.register(2, bike_name="Domane", stock_quantity=4)
    await stock.register(3)
    etag = {**boss.headers, "If-Match": '"1"'}
    assert (await boss.client.delete("/stocks/3", headers=etag)).status_code == 204

    assert await listed.values(boss, f"/stocks/all?size=1{query}", "bikeId") == bikes


async def test_staff_see_who_changed_a_bike_and_buyers_do_not(
    stock: Stock, client: httpx.AsyncClient, boss: service_harness.ApiClient
) -> None:
    await stock.register(1)

    assert (await boss.get("/stocks/1")).json()["changedBy"] == "staff"
    assert not {"changedBy", "changedAt"} & (await client.get("/stocks/1")).json().keys()

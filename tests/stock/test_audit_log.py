"""The audit log of a service as a list for admins: filters, pages, and the same rows as a table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from roadbike.kit.audit_log import AUDIT_LOG
from tests import listed, service_harness
from tests.service_harness import ApiClient
from tests.stock.conftest import Stock

LOG = "/stocks/audit"
MIDNIGHT = datetime(2026, 11, 23, 15, tzinfo=UTC)  # 24 November begins in Seoul
SECOND = timedelta(seconds=1)
ROWS = (  # time, who, number of the bike, reason
    (MIDNIGHT - SECOND, "lee", "1", None),
    (MIDNIGHT, "hana", "1", "=1+1"),
    (MIDNIGHT, "hana", "2", None),
    (MIDNIGHT + timedelta(days=1), "operator:kim", "2", "재고 오류"),
)


@pytest.fixture
def boss(client: httpx.AsyncClient) -> ApiClient:
    return service_harness.api_client(client, "boss", "admin")


@pytest.fixture
async def changes(stock: Stock) -> None:
    """Four changes by three people."""
    usual = {"kind": "bike", "action": "edited", "old_values": '{"price":1}'}
    rows = [
        usual | {"at": at, "actor": by, "thing": thing, "new_values": '{"price":2}', "why": why}
        for at, by, thing, why in ROWS
    ]

    async def write(tx: Any) -> None:
        for row in rows:  # one by one: each has its own number
            await tx.execute(AUDIT_LOG.insert().values(row))

    await stock.db.transact(write)


@pytest.mark.usefixtures("changes")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [("operator:kim", "2"), ("hana", "2"), ("hana", "1"), ("lee", "1")]),
        ("by=hana", [("hana", "2"), ("hana", "1")]),
        ("thing=1", [("hana", "1"), ("lee", "1")]),
        ("day=2026-11-24", [("hana", "2"), ("hana", "1")]),
        ("day=2026-11-23", [("lee", "1")]),
        ("by=hana&thing=1&day=2026-11-24", [("hana", "1")]),
        ("by=han", []),
    ],
)
async def test_filters_narrow_the_log(
    boss: ApiClient, query: str, found: list[tuple[str, str]]
) -> None:
    pages = await listed.pages(boss, f"{LOG}?{query}{query and '&'}size=1")
    table = await listed.table(boss, f"{LOG}?{query}")

    assert [(row["by"], row["thing"]) for page in pages for row in page] == found
    assert [(row["by"], row["thing"]) for row in table] == found


@pytest.mark.usefixtures("changes")
async def test_a_row_has_who_when_before_after_and_why(boss: ApiClient) -> None:
    [[row]] = await listed.pages(boss, f"{LOG}?day=2026-11-25")
    [cells] = await listed.table(boss, f"{LOG}?by=hana&thing=1")

    assert (row["before"], row["after"], row["why"]) == ({"price": 1}, {"price": 2}, "재고 오류")
    assert listed.day_in_seoul(row["at"]).isoformat() == "2026-11-25"
    assert cells["why"] == "'=1+1"


@pytest.mark.parametrize("query", ["day=yesterday", "by=", "who=hana", "after=x"])
async def test_what_the_log_does_not_know_is_refused(boss: ApiClient, query: str) -> None:
    assert (await listed.fault(boss, f"{LOG}?{query}"))[0] == query.partition("=")[0]

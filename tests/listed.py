"""Reads lists for staff: every page by its links, and the same rows as a table."""

import csv
from datetime import UTC, date, datetime
from io import StringIO
from typing import Any
from urllib.parse import quote

from roadbike.contracts.shop import SEOUL
from tests.service_harness import ApiClient

__all__ = ["day_in_seoul", "fault", "pages", "query", "quote", "table", "today_in_seoul", "values"]


async def pages(person: ApiClient, path: str) -> list[list[Any]]:
    """Return the rows of each page, following the links from the first one."""
    found = []
    following = path
    while following:
        answer = await person.get(following)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        [rows] = body["_embedded"].values()
        found.append(rows)
        following = body["_links"].get("next", {}).get("href")
    return found


async def values(person: ApiClient, path: str, field: str) -> list[Any]:
    """Return this field of all rows, in the order of the list."""
    return [row[field] for page in await pages(person, path) for row in page]


async def table(person: ApiClient, path: str) -> list[dict[str, str]]:
    """Return the rows of the list as text/csv."""
    asking = ApiClient(person.client, {**person.headers, "Accept": "text/csv"}, person.auth)
    answer = await asking.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"), newline="")))


async def fault(person: ApiClient, path: str) -> tuple[str, str]:
    """Return the parameter that a list refuses, and why."""
    answer = await person.get(path)
    assert answer.status_code == 422, (path, answer.status_code, answer.text)
    [error] = answer.json()["errors"]
    return error["parameter"], error["detail"]


def query(**filters: object) -> str:
    return "&".join(f"{name}={quote(str(value))}" for name, value in filters.items())


def day_in_seoul(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(SEOUL).date()


def today_in_seoul() -> date:
    return datetime.now(UTC).astimezone(SEOUL).date()

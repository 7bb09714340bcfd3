"""The gateway limits the requests of each client, if that is set: here to 1 a second, 4 at once."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from roadbike.kit.process.setting_faults import SettingError
from roadbike.local.ports import Ports
from roadbike.local.servers import client_limits, traefik
from roadbike.local.servers.client_limits import BURST_SECONDS, IN_PRODUCTION, SETTING
from tests.local.stub_shop import Answer, StubShop, new_folder, start
from tests.ports import free_base


@pytest.fixture(scope="module")
def limited() -> Iterator[StubShop]:
    made = new_folder()
    shop = start(made / "home", free_base(), environ={SETTING: "1"})
    shop.wait_until_open()
    yield shop
    shop.close()
    rmtree(made)


def refused(shop: StubShop, path: str, **headers: str) -> Answer:
    """Ask until it is refused, and return the refusal."""
    for _ in range(20 * BURST_SECONDS):
        answer = shop.ask(path, **headers)
        if answer.status == 429:
            return answer
    raise AssertionError("it was never refused")


@pytest.mark.parametrize(("language", "word"), [("en", "Too many"), ("ko", "너무 많습니다")])
def test_a_client_over_the_limit_gets_a_problem_document_with_retry_after(
    limited: StubShop, language: str, word: str
) -> None:
    answer = refused(limited, "/stocks/7", Accept_Language=language, Origin="http://localhost:8080")

    problem = json.loads(answer.body)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:8080"
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert (problem["type"], problem["status"]) == ("/problems/too-many-requests", 429)
    assert problem["instance"] == "/stocks/7"
    assert word in problem["title"]
    assert "X-Service" not in answer.headers


def test_a_client_is_served_again_later(limited: StubShop) -> None:
    refused(limited, "/stocks")
    deadline = time.monotonic() + 20

    while limited.ask("/stocks").status == 429:
        assert time.monotonic() < deadline

    assert limited.ask("/stocks").status in {200, 429}


def test_a_forged_address_does_not_help(limited: StubShop) -> None:
    refused(limited, "/stocks")

    answers = [limited.ask("/stocks", X_Forwarded_For=f"6.6.6.{n}").status for n in range(8)]

    assert 429 in answers


def test_the_services_health_is_still_looked_at(limited: StubShop) -> None:
    """The gateway asks for it itself, and not through its own routes."""
    refused(limited, "/stocks")
    deadline = time.monotonic() + 20

    while (answer := limited.ask("/stocks")).status == 429:
        assert time.monotonic() < deadline

    assert answer.headers["X-Service"] == "stock"  # the fallback has none


def test_a_service_s_own_429_is_forwarded_unchanged(limited: StubShop) -> None:
    deadline = time.monotonic() + 20

    while "X-Service" not in (answer := limited.ask("/reservations/too-many")).headers:
        assert time.monotonic() < deadline

    assert answer.status == 429
    assert json.loads(answer.body)["path"] == "/reservations/too-many"


@pytest.mark.parametrize(
    ("environ", "rate"),
    [
        ({}, 0),
        ({"ROADBIKE_ENV": "production"}, IN_PRODUCTION),
        ({"ROADBIKE_ENV": "production", SETTING: "0"}, 0),
        ({SETTING: "7"}, 7),
    ],
)
def test_the_limit_is_off_on_one_machine_and_on_in_production(
    environ: dict[str, str], rate: int
) -> None:
    urls = {"stock": ["http://127.0.0.1:1"]}
    written = traefik.configuration(Path("/x"), Ports(), environ, urls, "key")

    middlewares = written[traefik.ROUTING]["http"]["middlewares"]
    assert client_limits.per_second(environ) == rate
    assert middlewares.get("rate", {"rateLimit": {"average": 0}})["rateLimit"]["average"] == rate


@pytest.mark.parametrize("wrong", ["-1", "many", "1.5", "10000000"])
def test_a_wrong_limit_is_named(wrong: str) -> None:
    with pytest.raises(SettingError, match=SETTING):
        client_limits.per_second({SETTING: wrong})

"""URLs in settings: paths become URLs of one meaning, and a wrong URL is named with its reason."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from roadbike.kit.urls import (
    UrlFault,
    broker_url,
    database_url,
    origin,
    service_url,
    sqlite_file,
    sqlite_url,
)

ODD_NAMES = ("q?x=1", "p%20c", "d$HOME", "two words", "서울 매장", "a#b", "a+b", "c:d", "'\"\\")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_url_of_a_file_names_that_file(name: str) -> None:
    path = Path("/shops") / name / "delivery.db"

    assert make_url(sqlite_url(path)).database == str(path)
    assert not make_url(sqlite_url(path)).query
    assert sqlite_file(sqlite_url(path)) == path


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://stock:secret@127.0.0.1:8090/stock",
        "postgresql+asyncpg://stock:p%40ss@[::1]:8090/stock?ssl=require",
        "sqlite+aiosqlite:////shops/delivery.db",
        "sqlite+aiosqlite://",
    ],
)
def test_urls_of_supported_databases_are_accepted(url: str) -> None:
    assert database_url(url) == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "does not begin with postgresql"),
        ("stock", "does not begin with postgresql"),
        ("postgresql://stock:secret@h/stock", "does not begin with postgresql"),
        ("mysql://stock:secret@h/stock", "does not begin with postgresql"),
        ("sqlite+aiosqlite:x.db", "does not begin with postgresql"),
        ("postgresql+asyncpg:///stock", "the host is missing"),
        ("postgresql+asyncpg://stock:secret@h", "the name of the database is missing"),
        ("postgresql+asyncpg://stock:secret@h:port/stock", "host or port is malformed"),
        ("postgresql+asyncpg://stock:secret@h:99999/stock", "host or port is malformed"),
        ("postgresql+asyncpg://stock:secret@[h/stock", "host or port is malformed"),
    ],
)
def test_a_wrong_url_of_a_database_is_refused_without_showing_it(url: str, reason: str) -> None:
    with pytest.raises(UrlFault, match=reason) as caught:
        database_url(url)

    assert "secret" not in str(caught.value)


WRONG_BROKERS = (
    *("", "127.0.0.1:4222", "nats://", "nats://h:x", "rabbit://h"),
    *("kafka://", "kafka://h:x", "kafka://a,,b", "kafka://h/x"),
)


@pytest.mark.parametrize("url", WRONG_BROKERS)
def test_a_wrong_url_of_a_broker_is_refused(url: str) -> None:
    broker_url("nats://stock:secret@127.0.0.1:8091")
    broker_url("memory://test")
    broker_url("kafka://localhost:9092")
    broker_url("kafka+tls://stock:secret@one:9092,two:9092,three")

    with pytest.raises(UrlFault):
        broker_url(url)


@pytest.mark.parametrize(
    "url",
    ["", "h", "ftp://h", "http://", "http://h?x=1", "http://u@h", "http://a b"],
)
def test_a_wrong_url_of_a_service_is_refused(url: str) -> None:
    assert service_url("https://Shop.svc:443/payment/") == "https://shop.svc/payment"

    with pytest.raises(UrlFault):
        service_url(url)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("HTTPS://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80/", "http://shop.example"),
        ("http://shop.example:443", "http://shop.example:443"),
        ("http://[::1]:8087", "http://[::1]:8087"),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(typed: str, sent: str) -> None:
    assert origin(typed) == sent


@pytest.mark.parametrize(
    "typed",
    ["*", "null", "shop.example", "http://shop.example/login", "http://", "http://*.shop.example"],
)
def test_what_is_not_an_origin_is_refused(typed: str) -> None:
    with pytest.raises(UrlFault):
        origin(typed)

"""Services that call each other over TLS, with certificates of an authority of their own."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from roadbike.kit.auth.tokens import fetcher
from roadbike.kit.process.settings import read
from roadbike.kit.process.tls import client_tls
from roadbike.payment import app
from tests.certificates import Authority
from tests.flows.given import given_a_bike
from tests.flows.in_process_shop import Shop, Url, open_shop

AUTHORITY, STRANGER = Authority(), Authority()
OWN = AUTHORITY.certificate()


def tls(ca: str = AUTHORITY.ca, cert: str = OWN.cert, key: str = OWN.key) -> dict[str, str]:
    return {"ROADBIKE_CA": ca, "ROADBIKE_TLS_CERT": cert, "ROADBIKE_TLS_KEY": key}


@pytest.fixture
async def shop(url: Url) -> AsyncIterator[Shop]:
    """Stock and payment over TLS; reservation is started by the test."""
    async with open_shop(url, ()) as shop:
        settings = read(app.Settings, shop.environ("payment") | tls())
        shop.tls = client_tls(settings)
        await shop.start("stock", **tls())
        await shop.start("payment", **tls())
        yield shop


async def start_reservation(shop: Shop, ca: str = AUTHORITY.ca) -> None:
    payment = shop.servers["payment"].url
    assert payment.startswith("https://")
    await shop.start("reservation", **tls(ca=ca), ROADBIKE_PAYMENT_URL=payment)
    await given_a_bike(shop, units=3)


async def test_a_payment_is_opened_over_tls(shop: Shop) -> None:
    await start_reservation(shop)
    kim = shop.person("kim", "buyer")

    reserved = await kim.reserve(1)

    assert reserved.status == 201
    found = await kim.get(f"/payments?reserveId={reserved.body['reserveId']}")
    assert found.body["page"]["totalElements"] == 1


async def test_a_payment_service_of_another_authority_gets_no_call(shop: Shop) -> None:
    await start_reservation(shop, ca=STRANGER.ca)
    kim = shop.person("kim", "buyer")

    reserved = await kim.reserve(1)

    assert reserved.status == 503
    assert reserved.body["type"] == "/problems/payment-unavailable"
    assert (await kim.get("/payments")).body["page"]["totalElements"] == 0
    assert (await shop.status("reservation"))["pending"] == 0  # nothing was opened, for certain


async def test_a_certificate_for_another_host_is_refused(shop: Shop) -> None:
    other = AUTHORITY.certificate("127.0.0.2")
    await shop.restart("stock", **tls(cert=other.cert, key=other.key))

    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await fetcher(shop.tls)(f"{shop.servers['stock'].url}/livez")


async def test_the_keys_of_account_are_fetched_over_tls(shop: Shop) -> None:
    at = f"{shop.servers['stock'].url}/livez"  # it stands for account's address

    assert await fetcher(shop.tls)(at) == '{"live":true}'
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await fetcher()(at)

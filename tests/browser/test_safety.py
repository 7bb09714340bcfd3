"""Safety of the pages: forged forms, sessions, texts that want to be scripts."""

from typing import Any, Final
from urllib.parse import quote

import pytest

from roadbike.contracts.types import COLOUR_LENGTH, NAME_LENGTH
from tests.browser.browserless import Browserless
from tests.browser.conftest import Visit
from tests.browser.payloads import PAYLOADS, packed
from tests.browser.staff import Staff
from tests.browser.visitors import ADDRESS, PASSWORD, Visitor
from tests.system.real_shop import Shop

NEW_PASSWORD: Final = "another rare passphrase"
GUARDED: Final = (  # every form that changes something, with what a forged one would send
    ("/logout", {}),
    ("/account", {"name": "forged"}),
    ("/account/password", {"password": PASSWORD, "newPassword": NEW_PASSWORD}),
    ("/preferences", {"language": "en"}),
)


@pytest.fixture
def client(shop: Shop) -> Browserless:
    return Browserless(shop.address("gateway"))


@pytest.fixture
def buyer(client: Browserless, request: Any) -> Browserless:
    client.sign_up(f"s{abs(hash(request.node.name)) % 10**9}")
    return client


@pytest.mark.parametrize(("path", "fields"), GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {},
    ],
)
def test_a_form_of_another_site_changes_nothing(
    buyer: Browserless, path: str, fields: dict[str, str], headers: dict[str, str]
) -> None:
    answer = buyer.post(path, fields | {"csrf": buyer.csrf()}, **headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert_nothing_changed(buyer)


@pytest.mark.parametrize(("path", "fields"), GUARDED)
@pytest.mark.parametrize("token", ["missing", "of another session"])
def test_a_form_without_the_session_s_own_token_changes_nothing(
    buyer: Browserless, shop: Shop, path: str, fields: dict[str, str], token: str
) -> None:
    other = Browserless(shop.address("gateway"))
    other.http.cookies.clear()
    other.sign_up(f"o{abs(hash((path, token, str(fields)))) % 10**9}")
    csrf = other.csrf() if token == "of another session" else ""

    answer = buyer.post(path, fields | {"csrf": csrf}, **as_own(buyer))

    assert answer.status_code == 403
    assert_nothing_changed(buyer)


def as_own(client: Browserless) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in client.own.items()}


def assert_nothing_changed(buyer: Browserless) -> None:
    page = buyer.http.get("/account")
    assert page.status_code == 200
    assert "forged" not in page.text
    assert '<html lang="en"' in page.text


def test_the_log_in_gives_a_new_session_whatever_the_browser_had(client: Browserless) -> None:
    planted = "planted-by-somebody"
    cookie = {"Cookie": f"roadbike-session={planted}"}

    answer = client.post(
        "/signup",
        {"userId": "fixation-1", "userNm": "Kim", "password": PASSWORD},
        **as_own(client),
        **cookie,
    )

    assert answer.status_code == 303
    assert client.session != planted
    stranger = Browserless(client.url)
    stranger.http.cookies.set("roadbike-session", planted)
    assert not stranger.is_logged_in()


def test_after_the_log_out_the_old_cookie_is_of_no_use(buyer: Browserless) -> None:
    kept = buyer.session

    buyer.post("/logout", {"csrf": buyer.csrf()}, **as_own(buyer))

    replay = Browserless(buyer.url)
    replay.http.cookies.set("roadbike-session", kept)
    assert not replay.is_logged_in()
    assert "roadbike-session" not in buyer.http.cookies


def test_the_session_s_cookie_is_closed_to_scripts_and_other_sites(client: Browserless) -> None:
    fields = {"userId": "cookie-1", "userNm": "Kim", "password": PASSWORD}
    answer = client.post("/signup", fields, **as_own(client))

    [cookie] = [
        each
        for each in answer.headers.get_list("set-cookie")
        if each.startswith("roadbike-session")
    ]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert len(cookie.partition("=")[2].partition(";")[0]) >= 22


@pytest.mark.parametrize(
    "following", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x"]
)
def test_after_the_log_in_nobody_is_sent_to_another_site(
    buyer: Browserless, following: str
) -> None:
    answer = buyer.http.get(f"/login?next={quote(following)}")

    assert answer.headers["location"] == "/"


def test_every_page_has_the_policy_and_personal_ones_are_not_stored(buyer: Browserless) -> None:
    for path in ("/", "/bikes/1", "/login", "/account", "/purchases", "/docs", "/nothing"):
        headers = buyer.http.get(path, headers={"Accept": "text/html"}).headers
        policy = headers.get("content-security-policy", "")
        if path != "/login":  # who is logged in is sent on
            assert policy.startswith("default-src 'none';"), path
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


ORDERING: Final = ("bike", "review", "pay", "cancel")


@pytest.mark.parametrize("form", ORDERING)
@pytest.mark.parametrize("forged", ["another site", "no token", "another session"])
def test_a_forged_form_of_an_order_changes_nothing(
    client: Browserless, staff: Staff, shop: Shop, form: str, forged: str
) -> None:
    client.sign_up(f"order-{form}-{forged.replace(' ', '-')}")
    other = Browserless(shop.address("gateway"))
    other.sign_up(f"other-{form}-{forged.replace(' ', '-')}")
    review = client.own_post(f"/bikes/{staff.bike()}", ADDRESS).headers["location"]
    payment, purchase = client.paths_of(client.reserve(staff.bike()))
    paths = dict(zip(ORDERING, (f"/bikes/{staff.bike()}", review, payment, purchase), strict=True))
    tokens = {"another site": client.csrf(), "no token": "", "another session": other.csrf()}
    headers = {"Origin": "http://evil.example"} if forged == "another site" else client.own
    before = client.due()

    path = f"{paths[form]}/cancel" if form == "cancel" else paths[form]
    sent = ADDRESS | {"csrf": tokens[forged]}
    answer = client.http.post(path, data=sent, headers=headers)

    assert answer.status_code == 403
    assert client.due() == before
    assert len(before) == 1


@pytest.mark.parametrize("path", ["/login", "/signup"])
def test_another_site_logs_nobody_in(client: Browserless, path: str) -> None:
    fields = {"userId": f"forged{path[1:]}", "userNm": "Kim", "password": PASSWORD}

    answer = client.post(path, fields, Origin="http://evil.example", Sec_Fetch_Site="cross-site")

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_texts_that_want_to_be_scripts_stay_texts_on_every_page(
    visit: Visit, staff: Staff, shop: Shop
) -> None:
    buyer: Visitor = visit(language="en")
    client = Browserless(shop.address("gateway"))
    client.sign_up("payloads")
    cookie = {"name": "roadbike-session", "value": client.session, "url": client.url}
    buyer.context.add_cookies([cookie])  # type: ignore[list-item] a TypedDict
    for payload in PAYLOADS:
        bike = staff.bike(bikeNm=payload, brand=payload, colour=payload[:COLOUR_LENGTH])
        buyer.go(f"/bikes/{bike}")
        assert buyer.page.locator("main").inner_text().count(payload) >= 2, payload
    for payload in packed(PAYLOADS, NAME_LENGTH):
        assert_is_text_everywhere(payload, buyer, client, staff)
    buyer.go("/")
    for payload in PAYLOADS:
        assert payload in buyer.page.locator("main").inner_text()


def assert_is_text_everywhere(
    payload: str, buyer: Visitor, client: Browserless, staff: Staff
) -> None:
    """Order with the text as the bike's name, the buyer's name and the address."""
    bike = staff.bike(bikeNm=payload)
    to = ADDRESS | {"name": payload, "address": payload}
    saved = client.own_post("/account", to)
    assert saved.status_code == 303, (payload, saved.text)
    review = client.own_post(f"/bikes/{bike}", to).headers["location"]
    reservation_id = client.reserve(bike, to)
    payment, purchase = client.paths_of(reservation_id)
    shown = {
        f"/bikes/{bike}": 1,
        review: 3,
        payment: 1,
        "/purchases": 1,
        purchase: 3,
        f"{purchase}/cancel": 1,
        f"{purchase}/receipt": 1,
    }
    for path, at_least in shown.items():
        buyer.go(path)
        text = buyer.page.locator("main").inner_text()
        assert text.count(payload) >= at_least, (path, payload, text)
        if path != payment:  # the provider's page has no header
            assert payload in buyer.page.locator("header").inner_text(), (path, payload)
    buyer.go("/account")
    for field in ("name", "address"):
        assert buyer.page.locator(f"#{field}").input_value() == payload

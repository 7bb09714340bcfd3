"""Staff's pages: axe, phones and the dark; forged forms; texts that want to be scripts; a clerk."""

from typing import Any, Final

import httpx
import pytest

from roadbike.contracts.types import COLOUR_LENGTH, NAME_LENGTH, USER_ID_LENGTH
from tests.browser import axe
from tests.browser.browserless import Browserless
from tests.browser.conftest import Visit
from tests.browser.desk import Desk
from tests.browser.payloads import PAYLOADS, packed
from tests.browser.staff import Staff
from tests.browser.test_every_page import SMALLEST, pictures
from tests.browser.visitors import ADDRESS
from tests.system.real_shop import Shop

LISTS: Final = ("/staff/stock", "/staff/reservations", "/staff/payments", "/staff/deliveries/all")


def pages(shop: Shop, staff: Staff) -> dict[str, str]:
    """Make purchases in several states, and return the path of each page by a name."""
    buyer = Browserless(shop.address("gateway"))
    buyer.sign_up(f"axe{id(buyer)}")
    bike = staff.bike()
    ids = [buyer.buy(bike) for _ in range(3)]
    for id_ in ids:
        staff.until_allocated(id_)
    staff.move(ids[0], "배송시작", carrier="한진택배", trackingNo="4211-0001")
    staff.move(ids[1], "배송시작", carrier="한진택배", trackingNo="4211-0002")
    staff.move(ids[1], "회수중")
    parcel = staff.delivery(ids[2])["deliveryId"]
    return {
        "staff-stock": "/staff/stock",
        "staff-stock-low": "/staff/stock?low=true&withdrawn=true",
        "staff-bike": f"/staff/stock/{bike}",
        "staff-new": "/staff/stock/new",
        "staff-sale": f"/staff/stock/{bike}/sale",
        "staff-import": "/staff/stock/import",
        "staff-imported": "/staff/stock/import?new=1&changed=2&unchanged=3",
        "staff-reservations": "/staff/reservations",
        "staff-wrong-filter": "/staff/reservations?day=never&bikeId=x",
        "staff-none": "/staff/reservations?userId=nobody-at-all",
        "staff-slow": "/staff/reservations?slow=true",
        "staff-cancel": f"/staff/reservations/{ids[2]}/cancel",
        "staff-payments": "/staff/payments",
        "staff-refunds": "/staff/payments/refunds",
        "staff-send": "/staff/deliveries",
        "staff-under-way": "/staff/deliveries?group=under-way",
        "staff-back": "/staff/deliveries?group=back",
        "staff-deliveries": "/staff/deliveries/all",
        "staff-delivery": f"/staff/deliveries/{parcel}",
        "staff-address": f"/staff/deliveries/{parcel}/address",
        "staff-log": "/staff/audit",
        "staff-log-none": "/staff/audit?by=nobody-at-all",
        "staff-log-wrong-filter": "/staff/audit?day=never",
        "staff-accounts": "/staff/accounts",
        "staff-account": "/staff/accounts/admin",
    }


@pytest.mark.parametrize("page", [*LISTS, "/staff/payments/refunds", "/staff/audit"])
def test_filters_that_are_not_known_are_refused_by_the_page_and_by_its_table(
    shop: Shop, page: str
) -> None:
    boss = Browserless(shop.address("gateway"))
    boss.log_in("admin", shop.shop_file["logins"]["admin"])
    wrong = "low=perhaps" if page == "/staff/stock" else "day=never"

    for path in (page, f"{page}.csv"):
        answer = boss.http.get(f"{path}?{wrong}")

        assert answer.status_code == 422, path
        assert answer.headers["content-type"].startswith("text/html"), path
    assert "These filters cannot be used" in boss.http.get(f"{page}?{wrong}").text


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_page_of_staff_has_a_fault_that_axe_finds(
    visit: Visit, shop: Shop, staff: Staff, language: Any
) -> None:
    desk = Desk.open(visit, shop, language=language)
    found = {}

    for name, path in pages(shop, staff).items():
        desk.visitor.go(path)
        if faults := axe.faults(desk.visitor.page, pictures(desk.visitor, f"{name}-{language}")):
            found[name] = faults

    assert found == {}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_page_of_staff_scrolls_sideways_on_the_smallest_phone(
    visit: Visit, shop: Shop, staff: Staff, language: Any
) -> None:
    desk = Desk.open(visit, shop, width=SMALLEST, language=language)
    wide = {}

    for name, path in pages(shop, staff).items():
        desk.visitor.go(path)
        width = desk.visitor.page.evaluate("document.documentElement.scrollWidth")
        if width > SMALLEST:
            wide[name] = width
        axe.take_picture(desk.visitor.page, f"{name}-phone-{language}")

    assert wide == {}


def test_texts_that_want_to_be_scripts_stay_texts_on_pages_of_staff(
    visit: Visit, shop: Shop, staff: Staff
) -> None:
    desk = Desk.open(visit, shop, language="en")
    buyer = Browserless(shop.address("gateway"))
    buyer.sign_up("staff-payloads")
    for payload in PAYLOADS:
        typed = {"bikeNm": payload, "brand": payload, "colour": payload[:COLOUR_LENGTH]}
        bike = staff.bike(**typed)
        desk.visitor.go(f"/staff/stock/{bike}")
        for field, text in typed.items():
            assert desk.visitor.page.locator(f"#{field}").input_value() == text
        staff.edit(bike, brand=None, why=payload)
        desk.visitor.go(f"/staff/audit?thing={bike}")
        assert desk.main.inner_text().count(payload) >= 2, payload
    for payload in packed(PAYLOADS, NAME_LENGTH):
        bike = staff.bike(bikeNm=payload)
        id_ = buyer.buy(bike, ADDRESS | {"name": payload, "address": payload})
        staff.until_allocated(id_)
        for path in (f"/staff/stock?q={bike}", f"/staff/reservations?bikeId={bike}"):
            desk.visitor.go(path)
            assert payload in desk.main.inner_text(), (path, payload)
        for path in (f"/staff/reservations/{id_}/cancel", f"/staff/deliveries/all?bikeId={bike}"):
            desk.visitor.go(path)
            assert desk.main.inner_text().count(payload) >= 2, (path, payload)
    for payload in packed(PAYLOADS, USER_ID_LENGTH):  # the longest filter
        desk.visitor.go(f"/staff/audit?{httpx.QueryParams({'thing': payload})}")
        assert desk.visitor.page.locator("#f-thing").input_value() == payload
        for path in LISTS:
            field = "q" if path.endswith("stock") else "userId"
            desk.visitor.go(f"{path}?{httpx.QueryParams({field: payload})}")
            where = desk.visitor.page.locator("#q" if field == "q" else "#f-userId")
            assert where.input_value() == payload


def test_names_and_ids_of_staff_that_want_to_be_scripts_stay_texts(
    visit: Visit, shop: Shop, staff: Staff
) -> None:
    boss = Browserless(shop.address("gateway"))
    boss.start_as("boss-of-names", one_time(staff, "boss-of-names", "Kim", role="admin"))
    desk = Desk(visit(language="en"))
    cookie = {"name": "roadbike-session", "value": boss.session, "url": boss.url}
    desk.visitor.context.add_cookies([cookie])  # type: ignore[list-item] a TypedDict

    for number, payload in enumerate(packed(PAYLOADS, NAME_LENGTH)):
        user = f"named-{number}"
        one_time(staff, user, payload, role="clerk", why=payload)
        assert boss.own_post("/account", ADDRESS | {"name": payload}).status_code == 303
        for path in (f"/staff/accounts/{user}", f"/staff/audit?thing={user}"):
            desk.visitor.go(path)
            assert payload in desk.main.inner_text(), (path, payload)
            assert payload in desk.visitor.page.locator("header").inner_text(), (path, payload)
    for payload in packed(PAYLOADS, USER_ID_LENGTH):
        for filter_ in ("by", "thing"):
            desk.visitor.go(f"/staff/audit?{httpx.QueryParams({filter_: payload})}")
            assert desk.visitor.page.locator(f"#f-{filter_}").input_value() == payload
        desk.section("계정", "Accounts")
        desk.fill(userId=payload, userNm=payload, why=payload)
        desk.visitor.press("계정 만들기", "Open the account")
        for field in ("userId", "userNm", "why"):  # an id has no such characters: it is refused
            assert desk.visitor.page.locator(f"#{field}").input_value() == payload
        assert desk.visitor.page.locator("#faults").is_visible()

    desk.visitor.go("/staff/accounts")
    names = desk.main.inner_text()
    assert [payload for payload in packed(PAYLOADS, NAME_LENGTH) if payload not in names] == []


def one_time(staff: Staff, user: str, name: str, *, role: str, why: str = "new") -> str:
    """Add an account of staff, and return its one-time password."""
    body = {"userId": user, "userNm": name, "role": role, "why": why}
    return str(staff.call("POST", "/accounts/staff", body)["oneTimePassword"])


FORMS: Final = ("new", "edit", "sale", "import", "cancel", "step", "address")


@pytest.mark.parametrize("forged", ["another site", "no token", "another session"])
def test_a_forged_form_of_staff_changes_nothing(shop: Shop, staff: Staff, forged: str) -> None:
    boss, other = (Browserless(shop.address("gateway")) for _ in range(2))
    boss.log_in("admin", shop.shop_file["logins"]["admin"])
    other.log_in("admin", shop.shop_file["logins"]["admin"])
    bike = staff.bike()
    buyer = Browserless(shop.address("gateway"))
    buyer.sign_up(f"forged-{forged.replace(' ', '-')}")
    id_ = buyer.buy(bike)
    staff.until_allocated(id_)
    parcel = staff.delivery(id_)["deliveryId"]
    paths = {
        "new": "/staff/stock/new",
        "edit": f"/staff/stock/{bike}",
        "sale": f"/staff/stock/{bike}/sale",
        "import": "/staff/stock/import",
        "cancel": f"/staff/reservations/{id_}/cancel",
        "step": f"/staff/deliveries/{parcel}",
        "address": f"/staff/deliveries/{parcel}/address",
    }
    tokens = {"another site": boss.csrf(), "no token": "", "another session": other.csrf()}
    headers = {"Origin": "http://evil.example"} if forged == "another site" else boss.own
    sent = {"csrf": tokens[forged], "etag": '"1"', "sale": "off", "reason": "x", "price": "1"}
    sent |= {"step": "start", "carrier": "x", "trackingNo": "x", "bikeNm": "x", "stockQty": "1"}

    for form in FORMS:
        files = {"file": ("x.csv", b"bikeId,bikeNm,price,stockQty\n9,x,1,1")}
        more: dict[str, Any] = {"files": files} if form == "import" else {}
        answer = boss.http.post(paths[form], data=sent | ADDRESS, headers=headers, **more)
        assert answer.status_code == 403, (form, answer.status_code)

    assert staff.call("GET", f"/stocks/{bike}")["price"] == 1_000_000
    assert staff.delivery(id_)["deliveryStatus"] == "배송준비"


def test_pages_of_staff_do_not_exist_for_buyers(shop: Shop) -> None:
    buyer = Browserless(shop.address("gateway"))
    buyer.sign_up("curious")

    for path in (*LISTS, "/staff/stock.csv", "/staff/payments.csv", "/staff/stock/import"):
        assert buyer.http.get(path).status_code == 404, path

"""Role by page: what each role gets from every page and form, as the table of access says."""

import re
from collections.abc import Mapping
from typing import Final

import httpx
import pytest

from roadbike.contracts.identity import Role
from roadbike.kit.web import ANYONE, Who
from roadbike.kit.web.access import may_use
from tests.browser.browserless import Browserless
from tests.browser.staff import Staff
from tests.flows.access_table import PAGES
from tests.system.real_shop import Shop

ID: Final = "0199b6d2-4c1e-7a30-9f27-3d6c81e05b7a"
CLERK: Final = "clerk-of-pages"
VALUES: Final = {"int": "1", "uuid": ID, "str": CLERK, "path": "nothing"}
STAFFS_FORMS: Final = [route for route in PAGES if route.startswith("POST /staff")]
GUARDED: Final = {route: who for route, who in PAGES.items() if who is not ANYONE}


@pytest.fixture(scope="module")
def people(shop: Shop, staff: Staff) -> dict[Role | None, Browserless]:
    """A browser of each role, logged in."""
    url = shop.address("gateway")
    clients: dict[Role | None, Browserless] = {role: Browserless(url) for role in (None, *Role)}
    clients[Role.BUYER].sign_up("buyer-of-pages")
    clients[Role.ADMIN].log_in("admin", shop.shop_file["logins"]["admin"])
    body = {"userId": CLERK, "userNm": "박해솔", "role": "clerk"}
    one_time = staff.call("POST", "/accounts/staff", body)["oneTimePassword"]
    clients[Role.CLERK].start_as(CLERK, one_time)
    return clients


def test_each_role_gets_the_pages_that_are_for_it(
    people: dict[Role | None, Browserless],
) -> None:
    wrong = {}

    for route, who in GUARDED.items():
        for role, client in people.items():
            answer = ask(client, route)
            if not fits(answer, who, role):
                wrong[route, role] = (answer.status_code, answer.headers.get("location"))

    assert wrong == {}


def ask(client: Browserless, route: str) -> httpx.Response:
    """Get the page; or send its form as the page does, with nothing in it."""
    if route.startswith("GET "):
        return client.http.get(path_of(route))
    return send(client, route, client.csrf() if client.is_logged_in() else "", client.own)


def send(client: Browserless, route: str, csrf: str, headers: Mapping[str, str]) -> httpx.Response:
    """Send the form with that token and nothing else."""
    files = {"file": ("stock.csv", b"")} if route == "POST /staff/stock/import" else None
    return client.http.post(path_of(route), data={"csrf": csrf}, files=files, headers=headers)


def path_of(route: str) -> str:
    """Return a path that the route serves."""
    template = route.partition(" ")[2]
    return re.sub(r"\{\w+:(\w+)\}", lambda match: VALUES[match[1]], template)


def fits(answer: httpx.Response, who: Who, role: Role | None) -> bool:
    """Return whether the answer is one that this role gets at such a page."""
    status = answer.status_code
    if role is None:
        return status == 303 and answer.headers["location"].startswith("/login?next=")
    if may_use(who, frozenset({role})):
        is_log_in = answer.headers.get("location", "").startswith("/login")
        return status not in {401, 403, 500} and not is_log_in
    return status == (404 if role is Role.BUYER else 403)


def test_a_clerk_sees_no_amounts_and_no_links_to_what_is_not_theirs(
    people: dict[Role | None, Browserless], staff: Staff
) -> None:
    bike = staff.bike(price=3_456_700)
    buyer = Browserless(people[None].url)
    buyer.sign_up("buyer-of-a-clerk")
    buyer.reserve(bike)

    for path in ("/staff/reservations", "/staff/deliveries", "/staff/deliveries/all"):
        page = people[Role.CLERK].http.get(path).text
        assert "3,456,700" not in page, path
        for forbidden in ("/staff/payments", "/staff/accounts", "/staff/audit", ".csv", "/cancel"):
            assert f'href="{forbidden}' not in page, (path, forbidden)
            assert f'{forbidden}"' not in page, (path, forbidden)


@pytest.mark.parametrize("forged", ["another site", "no token", "another session"])
def test_no_form_of_staff_takes_a_forged_token(
    people: dict[Role | None, Browserless], forged: str
) -> None:
    boss = people[Role.ADMIN]
    csrf, headers = forgery(people, forged)

    answers = {route: send(boss, route, csrf, headers) for route in STAFFS_FORMS}

    assert {route: answer.status_code for route, answer in answers.items()} == dict.fromkeys(
        STAFFS_FORMS, 403
    )


def forgery(people: dict[Role | None, Browserless], forged: str) -> tuple[str, Mapping[str, str]]:
    """Return the token and the headers of a form that no page of ours has shown to the admin."""
    boss, clerk = people[Role.ADMIN], people[Role.CLERK]
    tokens = {"another site": boss.csrf(), "no token": "", "another session": clerk.csrf()}
    return tokens[forged], (
        {"Origin": "http://evil.example"} if forged == "another site" else boss.own
    )


ACCOUNT: Final = f"/staff/accounts/{CLERK}"
FORGED: Final = {
    "/staff/accounts": {"userId": "forged", "userNm": "x", "role": "admin"},
    f"{ACCOUNT}/role": {"role": "admin", "why": "x"},
    f"{ACCOUNT}/password": {"why": "x"},
}


@pytest.mark.parametrize("forged", ["another site", "no token", "another session"])
def test_a_forged_form_changes_no_account(
    people: dict[Role | None, Browserless], staff: Staff, forged: str
) -> None:
    boss, clerk = people[Role.ADMIN], people[Role.CLERK]
    csrf, headers = forgery(people, forged)

    for path, fields in FORGED.items():
        sent = fields | {"csrf": csrf}
        assert boss.http.post(path, data=sent, headers=headers).status_code == 403, path

    accounts = staff.call("GET", "/accounts/staff")["_embedded"]["accounts"]
    roles = {account["userId"]: account["roles"] for account in accounts}
    assert roles[CLERK] == ["clerk"]
    assert "forged" not in roles
    assert clerk.is_logged_in()

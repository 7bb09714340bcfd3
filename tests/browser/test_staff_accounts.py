"""Admins look after accounts of staff and read the audit log, with the mouse alone."""

import re
from typing import Any, Final
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.staff import Staff
from tests.browser.visitors import PASSWORD, Visitor
from tests.system.real_shop import Shop

ONE_TIME: Final = re.compile(r"[a-z2-9]{4}(-[a-z2-9]{4}){3}")


def log_in(visitor: Visitor, user: str, password: str) -> None:
    visitor.go("/login")
    visitor.page.locator("#userId").fill(user)
    visitor.page.locator("#password").fill(password)
    visitor.press("로그인", "Log in")


@pytest.fixture
def admin(visit: Visit, shop: Shop, language: Any) -> Visitor:
    """An admin who is logged in, on the first page of staff."""
    visitor = visit(language=language)
    log_in(visitor, "admin", shop.shop_file["logins"]["admin"])
    visitor.page.wait_for_url("**/staff/*")
    return visitor


@pytest.fixture(params=["ko", "en"])
def language(request: pytest.FixtureRequest) -> Any:
    return request.param


def add(admin: Visitor, user: str, *, role: str = "clerk") -> str:
    """Add an account by its form; return the one-time password."""
    admin.page.get_by_role("navigation").first.get_by_role(
        "link", name=admin.t("계정", "Accounts"), exact=True
    ).click()
    admin.page.locator("#userId").fill(user)
    admin.page.locator("#userNm").fill("박해솔")
    admin.page.locator(f"input[name=role][value={role}]").check()
    admin.page.locator("#why").fill("새 직원")
    admin.press("계정 만들기", "Open the account")
    admin.sees_heading("계정을 만들었습니다", "The account is open")
    shown = admin.page.locator("#one-time").inner_text()
    assert ONE_TIME.fullmatch(shown)
    return shown


def choose(visitor: Visitor, user: str, one_time: str) -> None:
    """Log in for the first time, with the one-time password."""
    log_in(visitor, user, one_time)
    visitor.sees_heading("새 비밀번호를 정해 주세요", "Choose a new password")
    visitor.page.locator("#password").fill(one_time)
    visitor.page.locator("#newPassword").fill(PASSWORD)
    visitor.press("비밀번호 정하고 로그인", "Save it and log in")
    visitor.page.wait_for_url("**/staff/*")


def test_a_new_clerk_chooses_a_password_and_sees_their_pages_only(
    admin: Visitor, visit: Visit, language: Any
) -> None:
    user = f"hana-{uuid4().hex[:6]}"
    one_time = add(admin, user)
    admin.follow("직원 계정으로", "To the accounts")
    expect(admin.page.locator("table")).to_contain_text(user)
    assert one_time not in admin.page.content()

    clerk = visit(language=language)
    choose(clerk, user, one_time)

    menu = clerk.page.get_by_role("navigation", name=clerk.t("직원 메뉴", "Staff menu"))
    expect(menu).to_contain_text(clerk.t("배송", "Deliveries"))
    expect(menu).not_to_contain_text(clerk.t("결제", "Payments"))
    expect(menu).not_to_contain_text(clerk.t("계정", "Accounts"))
    clerk.go("/staff/accounts")
    clerk.sees_heading("권한이 없습니다", "Permission denied")
    expect(clerk.page.locator("main")).not_to_contain_text(user)


def test_a_role_is_changed_with_a_reason_and_the_clerk_is_logged_out(
    admin: Visitor, visit: Visit, language: Any
) -> None:
    user = f"role-{uuid4().hex[:6]}"
    clerk = visit(language=language)
    choose(clerk, user, add(admin, user))

    admin.go(f"/staff/accounts/{user}")
    admin.page.locator("input[name=role][value=admin]").check()
    admin.press("역할 바꾸기", "Change the role")
    admin.sees("이유를 적어 주세요.", "Please give a reason.")
    admin.page.locator("input[name=role][value=admin]").check()
    admin.page.locator("#role-why").fill("승진")
    admin.press("역할 바꾸기", "Change the role")

    admin.sees("역할을 바꿨습니다.", "The role is changed.")
    clerk.go("/staff/deliveries")
    clerk.sees_heading("로그인하고 이어서 하세요", "Log in to go on")
    clerk.page.locator("#userId").fill(user)
    clerk.page.locator("#password").fill(PASSWORD)
    clerk.press("로그인", "Log in")
    clerk.page.wait_for_url("**/staff/deliveries")
    clerk.go("/staff/accounts")
    expect(clerk.page.locator("table")).to_contain_text(user)


def test_a_reset_password_is_shown_once(admin: Visitor, visit: Visit, language: Any) -> None:
    user = f"reset-{uuid4().hex[:6]}"
    first = add(admin, user)

    admin.go(f"/staff/accounts/{user}")
    admin.page.locator("#password-why").fill("잊음")
    admin.press("일회용 비밀번호 만들기", "Make a one-time password")
    admin.sees_heading("비밀번호를 바꿨습니다", "The password is changed")
    second = admin.page.locator("#one-time").inner_text()

    assert second != first
    clerk = visit(language=language)
    log_in(clerk, user, first)
    clerk.sees("로그인하지 못했습니다", "Login failed")
    choose(clerk, user, second)


def test_the_last_admin_stays_admin(admin: Visitor) -> None:
    others = admin.page.context.request.get(f"{admin.url}/staff/accounts").text()
    admins = set(re.findall(r"/staff/accounts/([\w-]+)", others)) - {"admin"}
    for user in admins:
        demote(admin, user)

    admin.go("/staff/accounts/admin")
    admin.page.locator("input[name=role][value=clerk]").check()
    admin.page.locator("#role-why").fill("시험")
    admin.press("역할 바꾸기", "Change the role")

    admin.sees("마지막 관리자입니다", "The last admin")
    admin.sees("아무것도 바뀌지 않았습니다.", "Nothing was changed.")


def demote(admin: Visitor, user: str) -> None:
    admin.go(f"/staff/accounts/{user}")
    admin.page.locator("input[name=role][value=buyer]").check()
    admin.page.locator("#role-why").fill("시험")
    admin.press("역할 바꾸기", "Change the role")
    admin.page.wait_for_url("**/staff/accounts")


def test_the_log_shows_what_staff_changed_and_finds_it(admin: Visitor, staff: Staff) -> None:
    bike = staff.bike(price=6_400_000)
    staff.edit(bike, price=6_250_000, why="가을 행사")

    admin.go("/staff/stock")
    admin.page.get_by_role("navigation").first.get_by_role(
        "link", name=admin.t("기록", "Log"), exact=True
    ).click()
    newest = admin.page.locator("tbody tr").first
    expect(newest).to_contain_text("₩6,400,000")
    expect(newest).to_contain_text("₩6,250,000")
    expect(newest).to_contain_text("가을 행사")
    admin.page.locator("#f-thing").fill(str(bike))
    admin.press("찾기", "Find")

    expect(admin.page.locator("tbody tr")).to_have_count(2)
    admin.page.locator("#f-by").fill("nobody")
    admin.press("찾기", "Find")
    admin.sees("조건에 맞는 기록이 없습니다.", "Nothing in the log fits these filters.")
    admin.go("/staff/audit?day=2026-13-01")
    admin.sees("검색 조건을 확인해 주세요", "These filters cannot be used")


def test_the_log_is_saved_as_a_table_and_read_page_by_page(admin: Visitor, staff: Staff) -> None:
    bike = staff.bike(price=1_000)
    for price in range(2_000, 2_060):
        staff.edit(bike, price=price, why="=1+1")

    admin.go(f"/staff/audit?thing={bike}")
    expect(admin.page.locator("tbody tr")).to_have_count(50)
    admin.follow("다음 쪽", "Next page")
    expect(admin.page.locator("tbody tr")).to_have_count(11)
    expect(admin.page.locator("tbody tr").last).to_contain_text(admin.t("추가", "added"))
    with admin.page.expect_download() as saving:
        admin.follow("CSV 내보내기", "Export CSV")

    table = saving.value.path().read_text(encoding="utf-8-sig")
    assert len(table.splitlines()) == 62
    assert table.count(",'=1+1") == 60

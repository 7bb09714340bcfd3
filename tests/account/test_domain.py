"""User ids, passwords and limits, as plain calls."""

from datetime import UTC, datetime, timedelta

import pytest

from roadbike.account import domain
from roadbike.account.domain import Account, Limits, Role, UnusablePassword, UnusableUserId
from roadbike.account.passwords import common_words
from roadbike.kit.pure.refusals import TooMany

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIMITS = Limits(window=timedelta(minutes=5))


@pytest.mark.parametrize("typed", ["kim", "KIM", "Kim.Lee_2", "a1", "kim@shop.kr", "a" * 64])
def test_the_case_of_a_user_id_makes_no_difference(typed: str) -> None:
    assert domain.new_user_id(typed) == typed.lower()


@pytest.mark.parametrize(
    "typed",
    [
        *("", "a", "a" * 65, ".kim", "-kim", "kim lee", "kim/lee", "kim\n", "kim\x00"),
        *("김", "ＫＩＭ", "\u212aim", "kim%00", "<b>", "tokens", "Tokens", "../admin"),
    ],
)
def test_some_user_ids_are_refused(typed: str) -> None:
    with pytest.raises(UnusableUserId) as refused:
        domain.new_user_id(typed)

    assert [fault.slug for fault in refused.value.faults] == ["fault-user-id"]


@pytest.mark.parametrize(
    "password", ["correct horse", "한글비밀번호여덟", "x7$kq9!w", "y" * 3 + "z" * 125, "        a"]
)
def test_a_rare_password_of_some_length_is_accepted(password: str) -> None:
    assert domain.new_password(password, "kim", common_words()) == domain.normal(password)


@pytest.mark.parametrize(
    "password",
    [
        *("password", "PassWord123", "12345678", "qwertyuiop", "saranghae1234", "iloveyou!"),
        *("roadbike2026", "kimkimkim", "KimKimKim"),
    ],
)
def test_a_common_password_is_refused(password: str) -> None:
    with pytest.raises(UnusablePassword) as refused:
        domain.new_password(password, "kimkimkim", common_words())

    assert [fault.slug for fault in refused.value.faults] == ["fault-password-common"]


@pytest.mark.parametrize("password", ["sh0rt!x", "y" * 129, "ﷺ" * 20])
def test_a_password_that_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(UnusablePassword) as refused:
        domain.new_password(password, "kim", common_words())

    assert [fault.slug for fault in refused.value.faults] == ["fault-password-length"]


def test_hangul_is_the_same_however_it_was_composed() -> None:
    assert domain.normal("비밀번호") == domain.normal("비밀번호")


def test_the_list_of_common_words_is_as_long_as_its_head_says() -> None:
    words = common_words()
    passwords = {word + end for word in words for end in domain.ENDINGS}

    assert len({password for password in passwords if len(password) >= 8}) > 9000
    assert all(word == word.casefold() for word in words)


def test_below_the_limits_there_is_no_wait() -> None:
    assert LIMITS.retry_after(NOON, [None, None, None]) is None


def test_a_failure_counts_until_it_leaves_the_window() -> None:
    before = NOON - timedelta(minutes=5)

    assert LIMITS.retry_after(NOON, [before, None, None]) is None
    assert LIMITS.retry_after(NOON, [before + timedelta(seconds=30), None, None]) == 30


def test_the_longest_wait_holds() -> None:
    ages = [NOON - timedelta(minutes=age) for age in (4, 1, 3)]

    with pytest.raises(TooMany) as refused:
        domain.check_limits(LIMITS, NOON, ages)
    assert refused.value.retry_after == 240


def test_a_token_carries_user_roles_and_expiry() -> None:
    account = Account(
        user_id="kim",
        user_name="김",
        password_hash="",
        roles=frozenset({Role.BUYER, Role.ADMIN}),
        created_at=NOON,
    )

    assert domain.claims(account, 1000, 600) == {
        "iss": "roadbike-account",
        "aud": "shop",
        "sub": "kim",
        "roles": ["admin", "buyer"],
        "iat": 1000,
        "exp": 1600,
    }


def test_a_user_id_has_no_other_spelling_than_upper_and_lower_case() -> None:
    assert domain.case_folded("Kim.Rider") == "kim.rider"
    for other in ("\u212aim", "\u017fam", "ﬁn", "\u0390" * 64):
        assert domain.case_folded(other) == other

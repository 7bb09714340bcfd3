"""The roles of the shop are those that kit's routes know."""

import pytest

from roadbike.contracts.identity import STAFF, Role
from roadbike.kit.web import Caller, Who
from roadbike.kit.web.access import MAY_USE, STAFF_ROLES, may_use


def test_a_route_and_a_token_name_the_same_roles() -> None:
    assert frozenset().union(*MAY_USE.values()) == set(Role)
    assert STAFF_ROLES == STAFF


def test_every_audience_but_those_without_a_user_names_its_roles() -> None:
    assert set(Who) - set(MAY_USE) == {Who.ANYONE, Who.INTERNAL}


@pytest.mark.parametrize(
    ("role", "audiences"),
    [
        (Role.BUYER, {Who.ANYONE, Who.USER, Who.BUYER}),
        (Role.CLERK, {Who.ANYONE, Who.USER, Who.STAFF}),
        (Role.ADMIN, set(Who) - {Who.INTERNAL}),
        ("king", {Who.ANYONE}),
    ],
)
def test_what_a_role_may_use(role: str, audiences: set[Who]) -> None:
    assert {who for who in Who if may_use(who, frozenset({role}))} == audiences


def test_only_staff_see_the_objects_of_all_users() -> None:
    assert Caller("kim", frozenset({Role.ADMIN, Role.BUYER})).owner is None
    assert Caller("kim", frozenset({Role.CLERK})).owner is None
    assert Caller("kim", frozenset({Role.BUYER})).owner == "kim"

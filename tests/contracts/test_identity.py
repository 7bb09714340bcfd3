"""The roles of the shop are those that kit's routes know."""

from roadbike.contracts.identity import Role
from roadbike.kit.web import ADMIN, BUYER, Caller


def test_a_route_and_a_token_name_the_same_roles() -> None:
    assert {BUYER.value, ADMIN.value} == set(Role)


def test_only_an_admin_sees_the_objects_of_all_users() -> None:
    assert Caller("kim", frozenset({Role.ADMIN, Role.BUYER})).owner is None
    assert Caller("kim", frozenset({Role.BUYER})).owner == "kim"

"""Migrations after the first only add, and hold no lock for long: old code runs beside them."""

from pathlib import Path
from types import ModuleType

import pytest
from alembic import op
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Column, Integer, String

import roadbike
from tests.kit import migration_rules

FIRST = "0001"
LATER = [
    (folder.parent.name, script)
    for folder in sorted(Path(roadbike.__file__).parent.glob("*/migrations"))
    for script in ScriptDirectory(str(folder)).walk_revisions()
    if script.revision != FIRST
]


def name_of(value: object) -> str:
    return value.revision if isinstance(value, Script) else str(value)


def test_there_are_later_migrations() -> None:
    assert LATER


@pytest.mark.parametrize(("service", "script"), LATER, ids=name_of)
def test_a_migration_neither_contracts_nor_blocks(service: str, script: Script) -> None:
    assert migration_rules.statements(script.module), f"{service} {script.revision} does nothing"
    assert migration_rules.faults(script.module) == []


@pytest.mark.parametrize(("service", "script"), LATER, ids=name_of)
def test_versions_are_four_digits_and_the_code_before_can_always_go_on(
    service: str, script: Script
) -> None:
    before = str(script.down_revision)
    oldest = getattr(script.module, "oldest_code", FIRST)

    assert script.revision == f"{int(before) + 1:04}", service
    assert len(oldest) == len(FIRST)
    assert oldest <= before


def migration(upgrade: object, **more: str) -> ModuleType:
    made = ModuleType("a_migration")
    vars(made).update(more, upgrade=upgrade)
    return made


def index_concurrently() -> None:
    with op.get_context().autocommit_block():
        op.create_index("i", "bike", ["a"], postgresql_concurrently=True)


ALLOWED = {
    "a column that may be empty": lambda: op.add_column("bike", Column("a", Integer)),
    "a column with a default": lambda: op.add_column(
        "bike", Column("a", Integer, nullable=False, server_default="0")
    ),
    "a table, with an index": lambda: op.create_table(
        "note", Column("a", Integer, primary_key=True), Column("b", Integer, index=True)
    ),
    "an index, concurrently": index_concurrently,
    "a constraint dropped": lambda: op.drop_constraint("c", "bike"),
}
FORBIDDEN = {
    "a column dropped": lambda: op.drop_column("bike", "a"),
    "a table dropped": lambda: op.drop_table("bike"),
    "a column renamed": lambda: op.alter_column("bike", "a", new_column_name="b"),
    "a table renamed": lambda: op.rename_table("bike", "cycle"),
    "a type changed": lambda: op.alter_column("bike", "a", type_=String(9)),
    "NULL forbidden": lambda: op.alter_column("bike", "a", nullable=False),
    "a column that must be filled": lambda: op.add_column(
        "bike", Column("a", Integer, nullable=False)
    ),
    "an index that blocks": lambda: op.create_index("i", "bike", ["a"]),
    "an index dropped": lambda: op.drop_index("i", "bike", postgresql_concurrently=True),
    "a unique constraint": lambda: op.create_unique_constraint("u", "bike", ["a"]),
    "a check": lambda: op.create_check_constraint("c", "bike", "a > 0"),
    "rows changed": lambda: op.execute("UPDATE bike SET a = 1"),
    "rows deleted": lambda: op.execute("DELETE FROM bike"),
}
ALWAYS_FORBIDDEN = ("a type changed", "NULL forbidden", "an index that blocks", "rows changed")


@pytest.mark.parametrize("what", ALLOWED)
def test_what_old_code_does_not_notice_is_allowed(what: str) -> None:
    assert migration_rules.faults(migration(ALLOWED[what])) == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_old_code_may_fail_at_or_wait_for_is_found(what: str) -> None:
    assert migration_rules.faults(migration(FORBIDDEN[what]))


def test_a_contraction_is_allowed_when_it_names_the_oldest_code_that_goes_on() -> None:
    contracts = migration(FORBIDDEN["a column dropped"], oldest_code="0002")

    assert migration_rules.faults(contracts) == []


@pytest.mark.parametrize("what", ALWAYS_FORBIDDEN)
def test_blocking_is_never_allowed(what: str) -> None:
    assert migration_rules.faults(migration(FORBIDDEN[what], oldest_code="0002"))

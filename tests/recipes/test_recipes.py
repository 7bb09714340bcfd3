"""The recipes can be followed as they are written, and each check that they name is needed."""

import pytest

from tests.recipes.conftest import LISTS_SERVICES, Followed
from tests.recipes.page import PAGE, Step, steps

STEPS = steps(PAGE.read_text(encoding="utf-8"))
COMMANDS = [command for step in STEPS for command in step.commands]
CHECKED = [step for step in STEPS if step.check]


def test_there_are_three_recipes_and_how_they_end() -> None:
    recipes = list(dict.fromkeys(step.recipe for step in STEPS))

    assert recipes == ["Add a use case", "Add an event", "Add a service", "Finish"]
    assert len(CHECKED) >= len(STEPS) // 2


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_page_succeeds(followed: Followed, command: str) -> None:
    ended = followed.commands[command]

    assert ended.code == 0, ended.output


@pytest.mark.parametrize("step", CHECKED, ids=lambda step: step.name)
def test_the_named_check_fails_without_the_step(followed: Followed, step: Step) -> None:
    ended = followed.without[step.name]

    failed = 2 if (step.check or "").startswith("make ") else 1  # not: it could not be run
    assert ended.code == failed, ended.output


def test_the_new_service_is_one_of_the_shop(followed: Followed) -> None:
    refused = followed.commands[LISTS_SERVICES]

    assert refused.code != 0
    assert "storefront, notification" in refused.output

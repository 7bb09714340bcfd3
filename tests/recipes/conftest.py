"""The recipes of docs/recipes.md, followed once for all tests of this folder."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.recipes.copied import Copy, Ended, copy_of, copy_repository
from tests.recipes.page import PAGE, Step, steps

CORES = 2
LISTS_SERVICES = ".venv/bin/roadbike serve nothing"  # the refusal names the services that there are


@dataclass(frozen=True, slots=True)
class Followed:
    """How each command of the page ended, and each check while its step was left out."""

    commands: Mapping[str, Ended]
    without: Mapping[str, Ended]


@pytest.fixture(scope="session")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Follow every step, and run the commands that write files in their places.

    The others only look, so they run at the end, beside each other.
    """
    folder = tmp_path_factory.mktemp("recipes")
    copy, page = copy_repository(folder / "all"), steps(PAGE.read_text(encoding="utf-8"))
    ended, later = dict[str, Ended](), [LISTS_SERVICES]
    for step in page:
        copy.follow(step)
        for command in step.commands:
            if command.startswith(("make test ", "make check")):
                later.append(command)
            else:
                ended[command] = copy.run(command)
    with ThreadPoolExecutor(CORES) as pool:
        looking = {command: pool.submit(copy.run, command) for command in sorted(later)}
        missing = {
            step.name: pool.submit(leave_out, copy, page, step, folder / str(number))
            for number, step in enumerate(page)
            if step.check
        }
    ended |= {command: future.result() for command, future in looking.items()}
    return Followed(ended, {name: future.result() for name, future in missing.items()})


def leave_out(copy: Copy, page: list[Step], step: Step, to: Path) -> Ended:
    """Run the check of a step in a copy where only this step is not followed."""
    lacking = copy_of(copy, to)
    lacking.undo(step, [other for other in page if other is not step])
    return lacking.run(command_of(step))


def command_of(step: Step) -> str:
    """Return the command for what stands behind "When it is missing"."""
    check = step.check or ""
    if check.startswith("make "):
        return check
    return ".venv/bin/" + (f"python -m pytest -q {check}" if check.startswith("tests/") else check)

"""The recipes of docs/recipes.md, followed once for all tests of this folder."""

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.recipes import preloaded
from tests.recipes.copied import Copy, Ended, copy_of, copy_repository
from tests.recipes.page import PAGE, Step, steps
from tests.recipes.preloaded import Run

LISTS_SERVICES: Final = ".venv/bin/roadbike serve nothing"  # the refusal names all services
ONLY_LOOK: Final = ("make test ", "make check", ".venv/bin/roadbike ")


@dataclass(frozen=True, slots=True)
class Followed:
    """How each command of the page ended, and each check while its step was left out."""

    commands: Mapping[str, Ended]
    without: Mapping[str, Ended]


@pytest.fixture(scope="session")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Follow every step; run each command that writes files in its place, the others at the end."""
    folder = tmp_path_factory.mktemp("recipes")
    copy, page = copy_repository(folder / "all"), steps(PAGE.read_text(encoding="utf-8"))
    commands = dict[str, Ended]()
    for step in page:
        copy.follow(step)
        for command in step.commands:
            if not command.startswith(ONLY_LOOK):
                commands[command] = copy.run(command)
    looks = [LISTS_SERVICES, *(each for step in page for each in step.commands)]
    looks = [command for command in looks if command.startswith(ONLY_LOOK)]
    with ThreadPoolExecutor(1) as beside:
        without = beside.submit(leave_each_out, copy, page, folder)
        commands |= {command: copy.run(command) for command in looks}
    return Followed(commands, without.result())


def leave_each_out(copy: Copy, page: Sequence[Step], folder: Path) -> Mapping[str, Ended]:
    """Return how the check of each step ends in a copy where only this step is not followed."""
    ended, runs = dict[str, Ended](), dict[str, Run]()
    for number, step in enumerate(page):
        if step.check is None:
            continue
        lacking = copy_of(copy, folder / str(number))
        lacking.undo(step, [other for other in page if other is not step])
        if step.check.startswith("tests/"):
            output, root = folder / f"{number}.txt", str(lacking.root)
            runs[step.name] = Run(root, ["-q", *shlex.split(step.check)], str(output))
        elif step.check.startswith("make "):
            ended[step.name] = lacking.run(step.check)
        else:
            ended[step.name] = lacking.run(f".venv/bin/{step.check}")
    codes = run_preloaded(list(runs.values()))
    for code, (name, run) in zip(codes, runs.items(), strict=True):
        ended[name] = Ended(code, Path(run.output).read_text(encoding="utf-8"))
    return ended


def run_preloaded(runs: Sequence[Run]) -> list[int]:
    """Return the exit codes of these runs of pytest."""
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, preloaded.__file__, "1"],
        input=preloaded.as_json(runs),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    codes: list[int] = json.loads(done.stdout)
    return codes

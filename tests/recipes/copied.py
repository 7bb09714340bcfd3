"""A copy of the repository in which recipes are followed, with the commands that they name."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.recipes.page import Edit, Step

ROOT: Final = Path(__file__).parents[2]
COPIED: Final = (
    *("src", "tests", "tools", "docs", "deploy", "Makefile", "pyproject.toml", "uv.lock"),
)
CACHES: Final = (".mypy_cache", ".import_linter_cache")
LINKED: Final = (".venv/bin", ".venv/lib", ".venv/pyvenv.cfg", ".uv")
TIMEOUT_SECONDS: Final = 300  # for one command


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it wrote."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy at `root`. Its environment is the one of the repository."""

    root: Path

    def follow(self, step: Step) -> None:
        """Make the changes of the step. Raises Unfit when one does not fit."""
        for edit in step.edits:
            self.make(edit)
        self._is_installed()

    def make(self, edit: Edit) -> None:
        """Change one file."""
        path = self.root / edit.path
        text = path.read_text(encoding="utf-8") if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(edit.applied(text), encoding="utf-8")

    def undo(self, step: Step, others: Iterable[Step]) -> None:
        """Make the files of the step as they are when only the other steps are followed."""
        paths = {edit.path for edit in step.edits}
        for path in paths:
            original = ROOT / path
            (self.root / path).unlink()
            if original.exists():
                shutil.copy2(original, self.root / path)
        for other in others:
            for edit in other.edits:
                if edit.path in paths:
                    self.make(edit)
        self._is_installed()

    def run(self, command: str) -> Ended:
        """Run a command of the page, with the code of this copy."""
        environ = {**os.environ, "PYTHONPATH": str(self.root / "src"), "PYTHONHASHSEED": "0"}
        done = subprocess.run(  # noqa: S603  a command of our own page
            shlex.split(command),
            cwd=self.root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout)

    def _is_installed(self) -> None:
        """Let make see an environment that is newer than `pyproject.toml`: it is not changed."""
        for name in ("dev", "run"):
            (self.root / ".venv" / name).touch()


def copy_repository(to: Path) -> Copy:
    """Copy what the recipes change and what their checks read."""
    for name in (*COPIED, *CACHES, *(path.name for path in ROOT.glob("*.md"))):
        _copy(ROOT / name, to / name)
    (to / ".venv").mkdir()
    for name in LINKED:
        if (ROOT / name).exists():
            (to / name).symlink_to(ROOT / name)
    return Copy(to)


def copy_of(copy: Copy, to: Path) -> Copy:
    """Copy a copy, for a step that is left out."""
    shutil.copytree(copy.root, to, symlinks=True, ignore=shutil.ignore_patterns(*CACHES))
    return Copy(to)


def _copy(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, to)
    elif source.exists():
        shutil.copy2(source, to)

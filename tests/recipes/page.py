"""Reads docs/recipes.md: recipes, their steps, and what each step does to the code."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "recipes.md"
SECTION: Final = re.compile(r"^(?=#{2,3} )", re.MULTILINE)
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EDITED: Final = re.compile(r"--- (\S+)")
NEW: Final = re.compile(r"# file: (\S+)")
HUNKS: Final = re.compile(r"^@@\n", re.MULTILINE)
MISSING: Final = re.compile(r"^\*\*When it is missing:\*\* `(.+)`$", re.MULTILINE)


class Unfit(Exception):
    """The page, or the file that it changes, is not as the other one expects it."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines of a file that are replaced by others; both contain the lines around the change."""

    old: Sequence[str]
    new: Sequence[str]

    def applied(self, lines: Sequence[str]) -> list[str]:
        """Return the lines after the change. Raises Unfit unless they have exactly one place."""
        size = len(self.old)
        starts = range(len(lines) - size + 1)
        places = [at for at in starts if list(lines[at : at + size]) == list(self.old)]
        if len(places) != 1:
            raise Unfit(f"{len(places)} places, not one, for:\n" + "\n".join(self.old))
        [at] = places
        return [*lines[:at], *self.new, *lines[at + size :]]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one file: a new file, or hunks of one that exists."""

    path: str
    content: str | None = None
    hunks: Sequence[Hunk] = ()

    def applied(self, text: str | None) -> str:
        """Return the file's text after the change; None: there is no such file.

        Raises Unfit when the change does not fit to it.
        """
        if self.content is not None:
            if text is not None:
                raise Unfit(f"{self.path} exists already")
            return self.content
        if text is None:
            raise Unfit(f"{self.path} does not exist")
        lines = text.splitlines()
        for hunk in self.hunks:
            lines = hunk.applied(lines)
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it changes, what is run after it, and which check misses it."""

    recipe: str
    title: str
    edits: Sequence[Edit]
    commands: Sequence[str]
    check: str | None

    @property
    def name(self) -> str:
        return f"{self.recipe}: {self.title}"


def steps(text: str) -> list[Step]:
    """Return the steps of the page, in their order. Raises Unfit for a block of another form."""
    found, recipe = list[Step](), ""
    for section in SECTION.split(text):
        heading, _, body = section.partition("\n")
        if heading.startswith("## "):
            recipe = heading.removeprefix("## ")
        title = heading.removeprefix("### ").removeprefix("## ")
        if blocks := BLOCK.findall(body):
            found.append(_step(recipe, title, body, blocks))
    return found


def _step(recipe: str, title: str, body: str, blocks: Sequence[tuple[str, str]]) -> Step:
    check = MISSING.search(body)
    return Step(
        recipe=recipe,
        title=title,
        edits=[_edit(content) for language, content in blocks if language != "bash"],
        commands=[
            line
            for language, content in blocks
            if language == "bash"
            for line in content.splitlines()
        ],
        check=check[1] if check else None,
    )


def _edit(block: str) -> Edit:
    first, _, rest = block.partition("\n")
    if new := NEW.fullmatch(first):
        return Edit(new[1], content=rest)
    if edited := EDITED.fullmatch(first):
        return Edit(edited[1], hunks=[_hunk(part) for part in HUNKS.split(rest)])
    raise Unfit(f"a block that says no file: {first}")


def _hunk(text: str) -> Hunk:
    lines = [(line[:1] or " ", line[1:]) for line in text.splitlines()]
    if wrong := [line for sign, line in lines if sign not in " +-"]:
        raise Unfit(f"a line without a sign: {wrong[0]}")
    return Hunk(
        old=[line for sign, line in lines if sign != "+"],
        new=[line for sign, line in lines if sign != "-"],
    )

"""How the tests are shared out when several processes of pytest run them.

Tests of one group run in one process, in their order. A group is a file; the tests that share an
open shop, a browser or a copy of the repository are one group, so that each is opened once. The
groups that take longest come first: what is short fills the gaps at the end.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

TOGETHER: Final = ("system", "recipes", "browser", "races")  # folders; the longest first


def share_out(items: list[pytest.Item], root: Path) -> None:
    """Mark each test with its group, and sort the groups; the order within a group stays."""
    named = [(group(item.path.relative_to(root).parts), item) for item in items]
    for name, item in named:
        item.add_marker(pytest.mark.xdist_group(name))
    items[:] = [item for _, item in sorted(named, key=_place)]


def group(path: Sequence[str]) -> str:
    """Return the group of the tests in that file; `path` is relative to the folder of tests."""
    return path[0] if path[0] in TOGETHER else "/".join(path)


def _place(named: tuple[str, pytest.Item]) -> int:
    name, _ = named
    return TOGETHER.index(name) if name in TOGETHER else len(TOGETHER)

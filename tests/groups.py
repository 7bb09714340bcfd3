"""How the tests are shared out when several processes of pytest run them.

Tests of one group run in one process, in their order. A group is a file; the tests that share an
open shop, a browser or a copy of the repository are one group, so that each is opened once. The
groups that take longest come first: what is short fills the gaps at the end.
"""

from pathlib import PurePosixPath
from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = ("system", "browser", "recipes", "races")  # folders; the longest first


class Groups(LoadScopeScheduling):
    """Gives each process a whole group at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort the tests by their groups; the order within a group stays."""
    items.sort(key=lambda item: _place(group(item.nodeid)))


def group(nodeid: str) -> str:
    """Return the group of a test, as in `tests/kit/test_db.py::test_a_row`."""
    path = PurePosixPath(nodeid.partition("::")[0])
    return next((folder for folder in path.parts[1:2] if folder in TOGETHER), str(path))


def _place(name: str) -> int:
    return TOGETHER.index(name) if name in TOGETHER else len(TOGETHER)

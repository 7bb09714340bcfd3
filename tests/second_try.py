"""Run the tests; run what failed once more, and name what passes then as flaky.

`python -m tests.second_try ARGUMENTS OF PYTEST`. The first failure of each flaky test is printed.
The exit code is 1 when a test fails twice, or when more than MOST_FLAKY are flaky.
"""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

MOST_FLAKY: Final = 3  # to become 1 when what the first runs name is mended
SLOWEST: Final = "--durations=10"
LAST_FAILED: Final = ("--last-failed", "--last-failed-no-failures=none")
SOME_FAILED: Final = 1  # the exit code of pytest
NONE_SELECTED: Final = 5
ONE_PROCESS: Final = ("-n0", "--dist=no")  # whatever the first try uses

Failures = Mapping[str, str]  # by test: what it said


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first.xml"), Path(folder, "second.xml")
        code = _pytest(first, *arguments, SLOWEST)
        if code != SOME_FAILED:
            return code
        before = failures(first.read_text())
        _write("", "== what failed, once more")
        again = _pytest(second, *arguments, *ONE_PROCESS, *LAST_FAILED)
        if again not in {0, SOME_FAILED, NONE_SELECTED}:
            return again
        after = failures(second.read_text())
    _write(*report(before, after))
    return exit_code(before, after)


def failures(junit: str) -> Failures:
    """Return the tests that failed according to a JUnit report, and what they said."""
    found = {}
    for case in ET.fromstring(junit).iter("testcase"):  # noqa: S314  pytest's own report
        for problem in (*case.iter("failure"), *case.iter("error")):
            name = f"{case.get('classname')}::{case.get('name')}"
            found[name] = problem.text or problem.get("message") or ""
    return found


def report(before: Failures, after: Failures) -> list[str]:
    """Return the lines that name each flaky test with its first failure."""
    lines = []
    for name in _flaky(before, after):
        lines += [f"== flaky: {name} failed and passes in the second try; its first failure:"]
        lines += [before[name], ""]
    lines += [f"== failed twice: {name}" for name in after]
    return [*lines, f"== {len(_flaky(before, after))} flaky, {len(after)} failed twice"]


def exit_code(before: Failures, after: Failures) -> int:
    """Return 0 when nothing failed twice and not too many tests are flaky, else 1.

    It is 1 as well when a file could not be collected: the second try does not run its tests.
    """
    too_many = len(_flaky(before, after)) > MOST_FLAKY
    return int(bool(after) or too_many or any(map(_is_of_a_file, before)))


def _is_of_a_file(name: str) -> bool:
    return name.startswith("::")  # it has no class name


def _flaky(before: Failures, after: Failures) -> list[str]:
    return sorted(before.keys() - after.keys())


def _pytest(junit: Path, *arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", f"--junitxml={junit}", *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603  our own tests


def _write(*lines: str) -> None:
    sys.stdout.write("\n".join((*lines, "")))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

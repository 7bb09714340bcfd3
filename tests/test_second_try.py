"""A test that fails is not hidden by a second try."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import second_try

TOO_MANY = [str(number) for number in range(second_try.MOST_FLAKY + 1)]
ROOT = Path(__file__).parents[1]
FLAKY = """
from pathlib import Path
seen = Path({folder!r}) / "seen-{number}"
def test_{number}():
    before = seen.exists()
    seen.touch()
    assert before, "the first failure of {number}"
"""


def run(folder: Path, *tests: str) -> "subprocess.CompletedProcess[str]":
    for number, text in enumerate(tests):
        path = folder / f"test_example_{number}.py"
        path.write_text(text.format(folder=str(folder), number=number) if "{" in text else text)
    return subprocess.run(  # noqa: S603  our own program
        [
            *(sys.executable, "-m", "tests.second_try", "-q", f"--rootdir={folder}"),
            *("-o", f"cache_dir={folder}/cache", "-c", "/dev/null", str(folder)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


GOOD = "def test_good(): pass"
BAD = "def test_bad(): assert False, 'it is wrong'"


def test_one_flaky_test_is_named_with_its_first_failure(tmp_path: Path) -> None:
    done = run(tmp_path, FLAKY, GOOD)

    assert done.returncode == 0, done.stdout
    assert "== flaky: test_example_0::test_0 failed and passes" in done.stdout
    assert "the first failure of 0" in done.stdout.partition("== flaky")[2]
    assert "== 1 flaky, 0 failed twice" in done.stdout


def test_too_many_flaky_tests_fail_the_run(tmp_path: Path) -> None:
    too_many = second_try.MOST_FLAKY + 1

    done = run(tmp_path, *[FLAKY] * too_many)

    assert done.returncode == 1
    assert f"== {too_many} flaky, 0 failed twice" in done.stdout


def test_a_test_that_fails_twice_fails_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, BAD, GOOD)

    assert done.returncode == 1
    assert "== failed twice: test_example_0::test_bad" in done.stdout


def test_nothing_runs_twice_when_all_pass(tmp_path: Path) -> None:
    done = run(tmp_path, GOOD)

    assert done.returncode == 0
    assert "slowest" in done.stdout
    assert "once more" not in done.stdout


def test_a_run_that_cannot_begin_is_not_repeated(tmp_path: Path) -> None:
    done = run(tmp_path, "this is not Python")

    assert done.returncode > 1
    assert "once more" not in done.stdout


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ([], [], 0),
        (["a"], [], 0),
        (TOO_MANY, [], 1),
        (["a"], ["a"], 1),
        (["a", "b"], ["a"], 1),
        (["::tests.local"], [], 1),
    ],
)
def test_the_exit_code(before: list[str], after: list[str], code: int) -> None:
    assert second_try.exit_code(dict.fromkeys(before, ""), dict.fromkeys(after, "")) == code

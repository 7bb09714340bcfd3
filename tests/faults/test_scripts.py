"""Every fault script is listed in README.md and keeps the form that the other tools rely on."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Final, get_type_hints

import pytest

from tests.faults import outcome
from tests.faults.outcome import CannotTry, Checks, Outcome, Prevented

HERE: Final = Path(__file__).parent
FOLDERS: Final = ("edges", "races", "security")
NAMES: Final = sorted(
    f"{folder}/{path.stem}" for folder in FOLDERS for path in (HERE / folder).glob("*.py")
)
ROW: Final = re.compile(r"^\| `tests/faults/(\w+/\w+)\.py` \|", re.MULTILINE)
LAST: Final = 'if __name__ == "__main__":\n    raise SystemExit(main())'


def source(name: str) -> str:
    return (HERE / f"{name}.py").read_text()


def test_the_table_names_every_script_once_and_nothing_else() -> None:
    listed = ROW.findall((HERE / "README.md").read_text())

    assert len(NAMES) > 30
    assert sorted(listed) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_script_says_in_one_sentence_what_counts_as_the_fault(name: str) -> None:
    docstring = " ".join((ast.get_docstring(ast.parse(source(name))) or "").split())

    assert "measured" in docstring
    assert "the fault is" in docstring
    assert docstring.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_a_script_has_a_main_that_returns_the_exit_code(name: str) -> None:
    module = import_module(f"tests.faults.{name.replace('/', '.')}")

    assert get_type_hints(module.main) == {"return": int}
    assert source(name).rstrip().endswith(LAST)


def test_an_import_of_a_script_does_nothing() -> None:
    modules = [f"tests.faults.{name.replace('/', '.')}" for name in NAMES]
    code = f"""
import sys
events = []
sys.addaudithook(lambda event, _: events.append(event))
from importlib import import_module
for module in {modules}:
    import_module(module)
print(sorted(set(events) & {{"subprocess.Popen", "os.fork", "socket.bind", "tempfile.mkdtemp"}}))
"""
    done = subprocess.run(  # noqa: S603 this Python
        [sys.executable, "-c", code],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"


def seen() -> Outcome:
    return Outcome(seen=True, text="there it is")


def not_seen() -> Outcome:
    return Outcome(seen=False, text="all is well")


async def seen_later() -> Outcome:
    return seen()


def prevented() -> Outcome:
    raise Prevented("the port is taken")


def impossible() -> Outcome:
    raise CannotTry("it needs root")


def broken() -> Outcome:
    raise KeyError("shop")


@pytest.mark.parametrize(
    ("provoke", "code", "last"),
    [
        (seen, 1, "SEEN: there it is"),
        (seen_later, 1, "SEEN: there it is"),
        (not_seen, 0, "NOT SEEN: all is well"),
        (prevented, 0, "NOT SEEN: the port is taken"),
        (impossible, 2, "NOT TRIED: it needs root"),
        (broken, 2, "NOT TRIED: KeyError: 'shop'"),
    ],
)
def test_a_fault_and_a_script_that_failed_have_different_exit_codes(
    provoke: outcome.Provoke, code: int, last: str
) -> None:
    name = provoke.__name__
    code_line = f"from {provoke.__module__} import {name}, outcome; exit(outcome.run({name}))"
    done = subprocess.run(  # noqa: S603 this Python
        [sys.executable, "-c", code_line],
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert done.stdout.splitlines()[-1] == last


def test_one_wrong_check_is_the_fault() -> None:
    checks = Checks()
    checks.check("the first", 200, right=True)
    assert not checks.outcome.seen

    checks.check("the second", 500, right=False)

    assert checks.outcome.seen
    assert checks.outcome.text == "1 of 2 checks are wrong"


def test_no_check_at_all_is_not_a_good_answer() -> None:
    with pytest.raises(CannotTry):
        _ = Checks().outcome

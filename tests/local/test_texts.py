"""What commands print stands in the catalogues, in both languages, and nowhere in the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest
import typer

import roadbike
from roadbike.__main__ import app
from roadbike.kit.translations import LANGUAGES
from roadbike.local.cli import name_of
from roadbike.local.supervisor.keeper import State
from roadbike.local.texts import language, say, texts

SOURCE = Path(roadbike.__file__).parent
FILES = sorted(
    [SOURCE / "__main__.py", *(SOURCE / "local").rglob("*.py"), *(SOURCE / "ops").rglob("*.py")]
)
HANGUL = re.compile("[가-힣]")
POLITE = re.compile(r"(니다|세요)[.:…]?($|[\s()?])")
BARE_PARTICLE = re.compile(r"\}(은|는|이|가|을|를|와|과|로|으로)(?![가-힣(])")
PRINTS = {"echo", "print", "write", "writelines", "_print_error"}
SENTENCE = re.compile(r"[a-z]{2,} [a-z]{2,}")  # two words with a space: text for a person
# for other programs or the log of a server, not for the person at the keyboard
NOT_SHOWN = {"warden.py", "forkserver.py", "postgres.py", "fallback.py"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            yield getattr(function, "attr", getattr(function, "id", "")), node


def slugs_of(path: Path) -> Iterator[tuple[str, ast.expr]]:
    for name, call in calls(ast.parse(path.read_text())):
        if name in {"say", "CommandError"} and call.args:
            yield name, call.args[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_error_and_sentence_is_named_by_a_slug_of_the_catalogues(path: Path) -> None:
    for _, slug in slugs_of(path):
        if isinstance(slug, ast.Constant):
            assert slug.value in texts(), f"line {slug.lineno}: {slug.value}"
        elif isinstance(slug, ast.IfExp):
            assert {slug.body.value, slug.orelse.value} <= texts().keys()  # type: ignore[attr-defined]
        else:  # f"state-{state}", or a variable
            assert not isinstance(slug, ast.BinOp), f"line {slug.lineno}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_sentence_for_people_is_written_in_the_code(path: Path) -> None:
    if path.name in NOT_SHOWN:
        return
    for name, call in calls(ast.parse(path.read_text())):
        for text in ast.walk(call) if name in PRINTS else ():
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                assert not SENTENCE.search(text.value), f"line {text.lineno}: {text.value}"


def test_every_sentence_is_in_use() -> None:
    code = "".join(path.read_text() for path in FILES)
    made = (
        "help-",
        "column-",
        "state-",
        "count-",
        "demo-",
        "doctor-",
        "reason-",
        "age-",
        "bench-",
        "drill-",
        "audit-",
        "fix-",
        "watch-breaker-",
    )  # with an f-string

    assert [slug for slug in texts() if f'"{slug}"' not in code and not slug.startswith(made)] == []


@pytest.mark.parametrize("slug", sorted(texts()))
def test_both_languages_have_the_sentence_with_the_same_facts(slug: str) -> None:
    in_both = texts()[slug]
    facts = [
        {name for _, name, _, _ in Formatter().parse(t) if name} for t in (in_both.ko, in_both.en)
    ]

    assert in_both.ko.strip()
    assert in_both.en.strip()
    assert facts[0] == facts[1]
    assert not HANGUL.search(in_both.en)
    assert not BARE_PARTICLE.search(in_both.ko)
    if in_both.en.rstrip().endswith(".") and not in_both.en.isupper() and "..." not in in_both.en:
        assert POLITE.search(in_both.ko), in_both.ko


def commands_of(group: Any) -> Iterator[tuple[str, Any]]:
    for command in group.commands.values():
        yield name_of(command), command
        if hasattr(command, "commands"):
            yield from commands_of(command)


def test_every_command_and_parameter_has_its_help_in_the_catalogue() -> None:
    group = typer.main.get_command(app)
    for name, command in commands_of(group):
        assert f"help-{name}" in texts()
        for parameter in command.params:
            own, shared = f"help-{name}-{parameter.name}", f"help--{parameter.name}"
            assert own in texts() or shared in texts(), own
            assert not getattr(parameter, "help", None), f"{name} {parameter.name}"


@pytest.mark.parametrize(
    ("environ", "chosen"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko"}, "ko"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_ALL": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "C", "LC_MESSAGES": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": ""}, "ko"),
    ],
)
def test_the_locale_of_the_terminal_chooses_the_language(
    environ: dict[str, str], chosen: str
) -> None:
    assert chosen in LANGUAGES
    assert language(environ) == chosen


def test_a_sentence_is_said_in_the_language_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8")
    korean = say("part-ready-now", part="stock")
    monkeypatch.setenv("LC_ALL", "C")

    assert (korean, say("part-ready-now", part="stock")) == ("stock: 준비됨", "stock: ready")


def test_every_state_of_a_part_has_its_words() -> None:
    assert {f"state-{state}" for state in (*get_args(State), "not-ready")} <= texts().keys()

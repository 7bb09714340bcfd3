"""Both READMEs: the same commands, lines that shells take, and everything named there exists."""

import re
import shlex
from typing import Final
from xml.etree import ElementTree as ET

import pytest
import typer

from roadbike.__main__ import app
from roadbike.contracts import statuses
from roadbike.kit.translations import load_translations
from roadbike.local.services import SERVICES
from roadbike.ops.demo import REQUIREMENTS
from roadbike.ops.drills.command import DRILLS
from tests.contracts.test_messages import OUTDATED
from tests.readme import ANNOUNCED, READMES, ROOT, SETUP, commands, refused

KOREAN, ENGLISH = TEXTS = [(ROOT / readme).read_text(encoding="utf-8") for readme in READMES]
IN_ENGLISH: Final = ' -H "Accept-Language: en"'  # the only difference between their commands
SCRIPTS: Final = [commands(text, title) for text in TEXTS for title in (SETUP, *ANNOUNCED)]
NUMBERS: Final = [
    *(f"F{n}" for n in range(1, 9)),
    *(f"N{n}" for n in range(1, 5)),
    *(f"O{n}" for n in range(1, 11)),
]
ROW: Final = re.compile(r"^\| ([FNO]\d+) \| (.+) \| (.+) \| (.*) ?\|$", re.MULTILINE)
COMMAND: Final = re.compile(r"`((?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(?:roadbike|make) [^`]*)`")
NOT_YET: Final = ("아직", "not yet")
PICTURES: Final = ("up", "status", "demo")
LARGEST_PICTURE: Final = 100_000  # bytes
SHOWN_STATUSES: Final = [
    status
    for kind in (
        statuses.ReservationStatus,
        statuses.PaymentStatus,
        statuses.DeliveryStatus,
        statuses.StockStatus,
    )
    for status in kind
    if status is not statuses.ReservationStatus.PENDING
]


def rows(text: str) -> dict[str, tuple[str, list[str]]]:
    """What stands about each requirement: its state, and the commands that check it."""
    return {found[1]: (found[3], COMMAND.findall(found[4])) for found in ROW.finditer(text)}


def words_in(picture: str) -> str:
    path = ROOT / "docs" / "pictures" / f"{picture}.svg"
    texts = ET.fromstring(path.read_text(encoding="utf-8")).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314 our own
    return " ".join("".join(element.itertext()) for element in texts)


@pytest.mark.parametrize("title", [SETUP, *ANNOUNCED])
def test_the_commands_are_the_same_in_both(title: str) -> None:
    assert commands(KOREAN, title) == commands(ENGLISH, title).replace(IN_ENGLISH, "")


def test_every_block_is_run_but_the_one_that_opens_the_shop() -> None:
    for text in TEXTS:
        run = "".join(commands(text, title) for title in (SETUP, *ANNOUNCED))

        assert [
            block for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) if block not in run
        ] == ["make up\n"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_interactive_zsh_takes_the_commands_as_pasted(script: str) -> None:
    assert "#" not in script  # no comment
    assert "!" not in script  # its history
    assert not re.search(r"(?<![\"'])\$SHOP\S*\?", script)  # a pattern, if not quoted


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_commands_need_no_new_curl_and_no_fixed_port(script: str) -> None:
    assert "--json" not in script
    assert "%header" not in script
    assert not re.search(r"127\.0\.0\.1|:\d{4}", script)


def test_commands_that_are_not_there_are_an_error() -> None:
    with pytest.raises(LookupError):
        commands(KOREAN, "second purchase")


def test_refused_requests_are_found_except_those_that_are_sent_again() -> None:
    log = (
        "answer: 200 GET http://127.0.0.1:1/stocks?size=2\n"
        "answer: 404 GET http://127.0.0.1:1/myPages/1\n"
        "answer: 402 PATCH http://127.0.0.1:1/payments/1\n"
        "answer: 503 POST http://127.0.0.1:1/reservations\n"
    )

    assert refused(log) == ["402 PATCH /payments", "503 POST /reservations"]
    with pytest.raises(LookupError):
        refused("nothing was asked")


@pytest.mark.parametrize("text", TEXTS, ids=READMES)
def test_each_requirement_has_one_row(text: str) -> None:
    assert [found[1] for found in ROW.finditer(text)] == NUMBERS


def test_both_name_the_same_commands_for_each_requirement() -> None:
    ours, theirs = rows(KOREAN), rows(ENGLISH)

    assert {n: found for n, (_, found) in ours.items()} == {
        n: found for n, (_, found) in theirs.items()
    }


@pytest.mark.parametrize("text", TEXTS, ids=READMES)
def test_a_requirement_has_a_command_unless_it_is_not_met_yet(text: str) -> None:
    for state, found in rows(text).values():
        assert found or state.startswith(NOT_YET)


@pytest.mark.parametrize("text", TEXTS, ids=READMES)
def test_the_demo_checks_what_is_said_of_it(text: str) -> None:
    named = {number for number, (_, found) in rows(text).items() if "roadbike demo" in found}

    assert named == {requirement.number for requirement in REQUIREMENTS}


@pytest.mark.parametrize("text", TEXTS, ids=READMES)
def test_every_command_that_is_named_exists(text: str) -> None:
    subcommands = set(typer.main.get_group(app).commands)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = [shlex.split(found) for found in COMMAND.findall(text)]

    assert named
    for words in named:
        program, word, *more = [each for each in words if "=" not in each]
        assert word in (targets if program == "make" else subcommands | {"--help"})
        if word == "drill":
            assert set(more) <= {*DRILLS, "--small", "--strict"}, more


@pytest.mark.parametrize("text", TEXTS, ids=READMES)
def test_every_test_that_is_named_exists(text: str) -> None:
    chosen = [shlex.split(found) for found in re.findall(r"`make test ARGS=([^`]+)`", text)]

    assert chosen
    for words in (shlex.split(args) for (args,) in chosen):
        paths, _, filters = " ".join(words).partition(" -k ")
        for path in paths.split():
            assert (ROOT / path).exists(), path
            names = "".join(each.name for each in (ROOT / path).glob("test_*.py"))
            assert filters in names


@pytest.mark.parametrize(("text", "language"), [(KOREAN, "ko"), (ENGLISH, "en")])
def test_the_declined_payment_is_shown_as_it_is_answered(text: str, language: str) -> None:
    entry = load_translations("roadbike.contracts").entries["payment-declined"]

    assert f'"title": "{entry.title.in_(language)}"' in text
    assert f'"detail": "{entry.detail.in_(language)}"' in text


@pytest.mark.parametrize("status", SHOWN_STATUSES)
def test_the_english_one_explains_every_status_word(status: str) -> None:
    assert re.search(rf"`{status}` [a-z]", ENGLISH.partition("### Status words")[2])


@pytest.mark.parametrize("phrase", OUTDATED)
def test_wording_that_readers_stumbled_over_does_not_come_back(phrase: str) -> None:
    assert phrase not in KOREAN


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_is_small_needs_nothing_from_elsewhere_and_is_shown(picture: str) -> None:
    path = ROOT / "docs" / "pictures" / f"{picture}.svg"
    text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")

    assert path.stat().st_size < LARGEST_PICTURE
    assert not re.search(r"url\(|href=|@import|<script", text)
    assert [f"](docs/pictures/{picture}.svg)" in readme for readme in TEXTS] == [True, True]


def test_the_pictures_show_the_shop_as_it_is_now() -> None:
    for spec in SERVICES:
        assert spec.name in words_in("up")
        assert spec.name in words_in("status")
    for requirement in REQUIREMENTS:
        assert f"{requirement.number} {requirement.title}" in words_in("demo").replace("  ", " ")

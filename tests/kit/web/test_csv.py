"""Tables as text/csv: no cell is a formula, and what was written can be read in again."""

import csv
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadbike.kit.web.csv import as_typed, csv_reply, csv_text, harmless, wants_csv

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'=1",
    "\t=1",
    "\r=1",
    " =1",
    "=HYPERLINK(...)",
    "-",
    "=",
)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_a_spreadsheet_would_calculate_is_made_a_text(text: str) -> None:
    [_, row] = read(csv_text(["name"], [[text]]))

    assert row == ["'" + text]


@pytest.mark.parametrize("text", ["화살 54", "a=b", "", "1", "'quoted'", "서울 - 부산"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert harmless(text) == as_typed(text) == text


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    assert read(csv_text(["a", "b"], [[-5, None]])) == [["a", "b"], ["-5", ""]]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_every_text_can_be_read_in_again(texts: list[str]) -> None:
    [_, row] = read(csv_text(["a"] * len(texts), [texts]))

    assert [as_typed(cell) for cell in row] == texts
    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_table_is_saved_as_a_file_in_utf_8_that_a_spreadsheet_recognises() -> None:
    reply = csv_reply("stock.csv", ["자전거"], [["화살"]])

    assert reply.headers["Content-Disposition"] == 'attachment; filename="stock.csv"'
    assert str(reply.content).encode().startswith(b"\xef\xbb\xbf")
    assert str(reply.content).endswith("화살\r\n")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", True),
        ("application/json, TEXT/CSV;q=0.5", True),
        ("*/*", False),
        ("application/hal+json", False),
        ("", False),
    ],
)
def test_a_client_asks_for_a_table_by_its_accept_header(accept: str, *, expected: bool) -> None:
    request: Any = SimpleNamespace(headers={"accept": accept})

    assert wants_csv(request) is expected

"""The pictures of terminal output keep their columns."""

from xml.etree import ElementTree as ET

import pytest
from rich.text import Text

from tools.terminal_svg import COLUMN, LINE, MARGIN, picture

TEXT = "{http://www.w3.org/2000/svg}text"


def drawn(*lines: Text) -> list[ET.Element]:
    return list(ET.fromstring(picture("a title", lines)).iter(TEXT))  # noqa: S314 our own


def columns(element: ET.Element) -> tuple[float, float]:
    """Where a text begins, and how wide it is."""
    at, width = float(element.attrib["x"]) - MARGIN, float(element.attrib["textLength"])
    return at / COLUMN, width / COLUMN


def test_korean_letters_take_two_columns() -> None:
    korean, rest = drawn(Text("결제완료 paid"))

    assert columns(korean) == pytest.approx((0, 8))
    assert columns(rest) == pytest.approx((8, 5))


def test_each_line_is_below_the_one_before() -> None:
    first, second = drawn(Text("one"), Text("two"))

    assert float(second.attrib["y"]) - float(first.attrib["y"]) == LINE


def test_styles_of_the_terminal_are_kept() -> None:
    bold, plain, dim = drawn(Text.from_ansi("\x1b[1mbold\x1b[0m plain \x1b[2mdim\x1b[0m"))

    assert bold.attrib["font-weight"] == "bold"
    assert "font-weight" not in plain.attrib
    assert dim.attrib["fill"] != plain.attrib["fill"]


def test_markup_in_the_output_is_text() -> None:
    (element,) = drawn(Text("<script>&"))

    assert element.text == "<script>&"


def test_empty_lines_are_not_drawn_but_take_their_place() -> None:
    first, second = drawn(Text("one"), Text(""), Text("two"))

    assert float(second.attrib["y"]) - float(first.attrib["y"]) == 2 * LINE

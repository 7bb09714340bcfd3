"""A text means what it says: lines, the form by which they are found, and their order."""

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadbike.kit.pure.texts import (
    LONGEST_COMPOSITION,
    UnusableText,
    composed,
    line,
    paragraphs,
    search_form,
    sort_key,
)

TYPED = {
    "Hangul": "한결 하나",
    "no-break space": "노을\u00a0로드",
    "ideographic space": "새벽\u3000로드",
    "many spaces": "a   b",
    "woman biking": "\U0001f6b4\u200d\u2640\ufe0f 에디션",
    "woman astronaut": "\U0001f469\U0001f3fd\u200d\U0001f680",
    "rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "flag of Wales": "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "keycap": "1\ufe0f\u20e3",
    "soft hyphen": "Carbon\u00adrad",
    "Persian": "می\u200cخواهم",
    "Sinhala": "ශ\u0dca\u200dර",
    "Vietnamese": "Đường phố",
    "symbols": "50% <b> & 'x' \"y\" \\ €",
    "an emoji of a later Unicode": "x \U0001fbfa",
}
REFUSED = {
    **{f"control {ord(c):#x}": f"a{c}b" for c in "\0\t\n\r\x0b\x1b\x7f\x85\u2028\u2029"},
    **{f"format {ord(c):#x}": f"a{c}b" for c in "\u200b\u200e\u202e\u2066\ufeff\U000e0001\ufff9"},
    **{f"no character {ord(c):#x}": f"a{c}b" for c in "\ufffe\uffff\ufdd0\U0001ffff\ud800"},
    **{f"filler {ord(c):#x}": f"a{c}b" for c in "\u115f\u1160\u3164\uffa0"},
    "joiner at the start": "\u200da",
    "joiner at the end": "a\u200d",
    "joiner behind a space": "a \u200db",
    "joiner before a space": "a\u200d b",
    "two joiners": "a\u200d\u200db",
    "selector at the start": "\ufe0fa",
    "mark at the start": "\u0301a",
    "too many marks": "a" + "\u0301\u0316" * 16 + "b",
}
INVISIBLE = ["", " ", "\u3000", "\u00a0 \u2003", "\u2800"]


@pytest.mark.parametrize("name", TYPED)
def test_what_people_type_is_a_line(name: str) -> None:
    assert line(TYPED[name]) == unicodedata.normalize("NFC", TYPED[name])


@pytest.mark.parametrize("name", REFUSED)
def test_a_line_has_only_characters_that_are_seen(name: str) -> None:
    with pytest.raises(UnusableText):
        line(REFUSED[name])


@pytest.mark.parametrize("text", INVISIBLE)
def test_something_visible_is_left_of_a_line(text: str) -> None:
    with pytest.raises(UnusableText) as refused:
        line(text)

    assert refused.value.slug == "fault-blank"


def test_spaces_around_a_line_are_removed() -> None:
    assert line("\u3000 한결\u00a0 하나 \u2003") == "한결\u00a0 하나"


def test_a_line_is_composed() -> None:
    assert line(unicodedata.normalize("NFD", "예약취소 é")) == "예약취소 é"


def test_paragraphs_have_line_breaks() -> None:
    assert paragraphs("\n  가볍다.\r\n\n\t빠르다.\n") == "가볍다.\r\n\n\t빠르다."
    for text in ("\n\t ", "a\x0bb", "a\u2028b", "a\u202eb", "\u200b"):
        with pytest.raises(UnusableText):
            paragraphs(text)


@given(st.text())
def test_a_line_is_a_line(text: str) -> None:
    """What is stored can be sent back: an edit of what was read changes nothing."""
    try:
        once = line(text)
    except UnusableText:
        return

    assert line(once) == once
    assert paragraphs(once) == once
    assert search_form(once)


@given(st.text(max_size=20))
def test_the_search_form_is_its_own(text: str) -> None:
    form = search_form(text)

    assert search_form(form) == form
    assert "\n" not in form
    for same in ("NFC", "NFD", "NFKC", "NFKD"):
        assert search_form(unicodedata.normalize(same, text)) == form  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "sought"),
    [
        ("한결 하나", unicodedata.normalize("NFD", "한결")),
        ("TREK Émonda", "trek émonda"),
        ("TREK Emonda", "ＴＲＥＫ\u3000ｅｍｏｎｄａ"),
        ("Straße", "STRASSE"),
        ("Cervélo", "cervelo"),
        ("Spécialized", "SPECIALIZED"),
        ("Specialized", "spécialized"),
        ("Ørn Łódź Kästle", "orn lodz kastle"),
        ("Carbon\u00adrad", "carbonrad"),
        ("노을\u00a0  로드", "노을 로드"),
        ("\U0001f6b4\u200d\u2640\ufe0f 에디션", "\U0001f6b4\u2640"),
        ("ﾛｰﾄﾞ", "ロード"),
    ],
)
def test_a_name_is_found_however_it_is_typed(name: str, sought: str) -> None:
    assert search_form(sought) in search_form(name)


def test_marks_that_make_another_letter_are_no_accents() -> None:
    assert search_form("か") not in search_form("が")
    assert search_form("и") not in search_form("й")


def test_people_sort_digits_then_latin_then_hangul_without_case() -> None:
    order = [
        *(
            "105 Di2",
            "9000",
            "Aero 9",
            "aero 10",
            "Bianchi",
            "émonda",
            "Emonda SL",
            "orbea",
            "Ørn",
            "Orro",
            "trek",
            "TREK 2",
        ),
        *("가나", "각", "나래", "한결", "한결 둘", "한결 하나"),
    ]
    shuffled = random.Random(1).sample(order, len(order))  # noqa: S311 no secret

    assert sorted(shuffled, key=sort_key) == order


def test_a_sort_key_is_no_longer_than_an_index_allows() -> None:
    assert len(sort_key("\ufdfa" * 200)) == 400


def test_only_what_is_not_composed_is_changed() -> None:
    assert composed("é \ufb01 ①") == "é ﬁ ①"


@given(st.text())
def test_a_composition_makes_one_character_of_four_at_most(text: str) -> None:
    """Rule.apply depends on it when it skips a text that is too long."""
    assert len(unicodedata.normalize("NFC", text)) * LONGEST_COMPOSITION >= len(text)


def test_no_character_has_a_longer_decomposition() -> None:
    longest = max(len(unicodedata.normalize("NFD", chr(code))) for code in range(0x110000))

    assert longest == LONGEST_COMPOSITION

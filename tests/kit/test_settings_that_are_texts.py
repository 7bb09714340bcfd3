"""A setting that is a line of text is one, like every name in a body."""

import unicodedata
from typing import Annotated

import msgspec
import pytest

from roadbike.kit.process.settings import SettingError, read
from roadbike.kit.pure.texts import LINE


class Named(msgspec.Struct, frozen=True, kw_only=True):
    store: Annotated[str, msgspec.Meta(max_length=5), LINE] = msgspec.field(
        default="here", name="G_STORE"
    )


def test_a_setting_that_is_a_line_is_composed_and_trimmed() -> None:
    decomposed = unicodedata.normalize("NFD", "분당야탑점")

    assert read(Named, {"G_STORE": f"\u3000{decomposed} "}).store == "분당야탑점"


@pytest.mark.parametrize("wrong", ["분당\n야탑", "\u202e분당", " \u3000", "분당야탑점점"])
def test_a_setting_that_is_not_a_line_is_named(wrong: str) -> None:
    with pytest.raises(SettingError, match="G_STORE is wrong"):
        read(Named, {"G_STORE": wrong})

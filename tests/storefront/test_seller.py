"""The foot of every page says who sells, as far as the settings say it."""

from typing import Any

import msgspec

from roadbike.environment import SELLER
from roadbike.storefront.rendering import render
from roadbike.storefront.seller import LABELS, Seller
from roadbike.storefront.visitors import Visitor

FACTS: dict[str, str] = {name: f"<{name}>" for name in LABELS}


def page(seller: Seller, language: Any) -> str:
    visitor = Visitor(language=language, theme="", path="/", client="", seller=seller)
    facts: dict[str, Any] = {"title": "", "detail": "", "retry_after": None, "trace_id": None}
    return render("problem.html", visitor, status=404, **facts).decode()


def test_every_fact_has_a_setting_and_stands_on_the_page() -> None:
    names = {field.name for field in msgspec.structs.fields(Seller)}
    shown = page(Seller(**FACTS), "ko")

    assert names == LABELS.keys()
    assert {setting.split("_", 2)[2].lower() for setting in SELLER} == names
    for name, label in LABELS.items():
        assert f"<dt>{label.ko}</dt> <dd>&lt;{name}&gt;</dd>" in shown


def test_what_is_not_set_is_not_shown() -> None:
    shown = page(Seller(name="로드바이크"), "en")

    assert shown.count("<dt>") == 1
    assert "<dt>Company</dt> <dd>로드바이크</dd>" in shown
    assert "seller" not in page(Seller(), "en")

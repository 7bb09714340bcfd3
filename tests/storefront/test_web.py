"""Addresses of pages: UTF-8 may stand in them as it is, and headers hold ASCII only."""

from types import SimpleNamespace
from typing import Any

import pytest

from roadbike.storefront.shop_pages import _filters, _query
from roadbike.storefront.visitors import in_ascii
from roadbike.storefront.web import own_path, redirect


@pytest.mark.parametrize("sent", ["q=한결&size=54".encode(), b"q=%ED%95%9C%EA%B2%B0&size=54"])
def test_a_search_is_understood_as_browsers_and_as_curl_send_it(sent: bytes) -> None:
    request: Any = SimpleNamespace(scope={"query_string": sent})

    filters = _filters(_query(request))

    assert (filters.text, filters.sizes) == ("한결", {"54"})


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/?q=한결&page=2", "/?q=%ED%95%9C%EA%B2%B0&page=2"),
        ("/?q=%ED%95%9C%EA%B2%B0&page=2", "/?q=%ED%95%9C%EA%B2%B0&page=2"),
        ("/bikes/7#reserve", "/bikes/7#reserve"),
        ("/?next=/a b", "/?next=/a%20b"),
    ],
)
def test_a_redirect_goes_to_the_page_that_was_asked_for(path: str, location: str) -> None:
    assert redirect(own_path(path)).headers["Location"] == location
    assert in_ascii(path.encode()) == location

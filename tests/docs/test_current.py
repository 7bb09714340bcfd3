"""The committed documents are as `make docs` would write them now."""

from pathlib import Path

import pytest

from roadbike.contracts.events import PaymentOpened
from tools.docs.documents import PATHS, ROOT, filled, is_current
from tools.docs.flow import Incomplete, flow_of
from tools.docs.services import build_all
from tools.docs.tour import Tour


@pytest.mark.parametrize("path", PATHS)
def test_a_committed_document_is_current(generated: dict[str, str], path: str) -> None:
    assert is_current(ROOT / path, generated[path]), f"{path} is stale: run `make docs`"


def test_every_generated_document_is_compared(generated: dict[str, str]) -> None:
    assert set(generated) == set(PATHS)


def test_a_document_that_was_edited_by_hand_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("as generated\n")
    assert is_current(page, "as generated\n")

    page.write_text("as generated, and edited\n")

    assert not is_current(page, "as generated\n")
    assert not is_current(tmp_path / "missing.md", "")


def test_only_the_blocks_of_a_page_are_replaced() -> None:
    page = "before\n<!-- generated: events -->\nold\n<!-- end -->\nafter\n"

    new = filled(page, {"events": "new"})

    assert new == "before\n<!-- generated: events -->\n\nnew\n\n<!-- end -->\nafter\n"
    assert filled(new, {"events": "new"}) == new


@pytest.mark.parametrize("blocks", [{}, {"events": "", "fields": ""}, {"evnets": ""}])
def test_a_page_without_a_block_or_with_an_unknown_one_is_refused(blocks: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="events"):
        filled("<!-- generated: events -->\n<!-- end -->\n", blocks)


def test_a_run_in_which_an_event_never_happens_is_refused() -> None:
    with pytest.raises(Incomplete, match=rf"{PaymentOpened.__name__}.*StockRegistered in reserv"):
        flow_of(build_all(), Tour(steps=(), reserve=(), pay=(), cancel=()))

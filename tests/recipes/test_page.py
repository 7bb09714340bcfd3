"""How docs/recipes.md is read: what does not fit is refused, not guessed."""

import pytest

from tests.recipes.page import Edit, Hunk, Unfit, steps

PAGE = """\
# Recipes

## Bake

### 1. Dough

```diff
--- a.py
 one
-two
+2
@@
+zero
 four
```

**When it is missing:** `tests/a.py -k dough`

### 2. Oven

```python
# file: b.py
x = 1
```

```bash
make b
make c
```
"""
FILE = "one\ntwo\nthree\nfour\n"


def test_a_step_says_what_changes_what_is_run_and_what_misses_it() -> None:
    dough, oven = steps(PAGE)

    assert (dough.recipe, dough.title, dough.commands) == ("Bake", "1. Dough", [])
    assert dough.check == "tests/a.py -k dough"
    assert dough.edits[0].applied(FILE) == "one\n2\nthree\nzero\nfour\n"
    assert oven.edits == [Edit("b.py", content="x = 1\n")]
    assert (oven.commands, oven.check) == (["make b", "make c"], None)


@pytest.mark.parametrize("text", ["one\nthree\nfour\n", FILE + FILE, None])
def test_a_change_without_exactly_one_place_is_refused(text: str | None) -> None:
    [dough, _] = steps(PAGE)

    with pytest.raises(Unfit):
        dough.edits[0].applied(text)


def test_a_new_file_does_not_replace_one() -> None:
    with pytest.raises(Unfit, match=r"b\.py exists"):
        Edit("b.py", content="").applied("")


@pytest.mark.parametrize("first", ["x = 1", "--- a.py\n?two"])
def test_a_block_of_another_form_is_refused(first: str) -> None:
    with pytest.raises(Unfit):
        steps(f"## Bake\n\n```diff\n{first}\n```\n")


def test_an_empty_line_of_a_change_is_an_empty_line_of_the_file() -> None:
    [step] = steps("## Bake\n\n```diff\n--- a.py\n one\n\n+two\n```\n")

    assert step.edits[0].hunks == [Hunk(old=["one", ""], new=["one", "", "two"])]

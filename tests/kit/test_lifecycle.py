"""A state machine written as a table: what it does not have is refused with both states."""

from enum import StrEnum

import pytest

from roadbike.kit.pure.lifecycle import IllegalTransition, Lifecycle


class Light(StrEnum):
    RED = "빨강"
    GREEN = "초록"
    BROKEN = "고장"


LIGHTS = Lifecycle({Light.RED: {Light.GREEN}, Light.GREEN: {Light.RED, Light.BROKEN}})
ARROWS = {(Light.RED, Light.GREEN), (Light.GREEN, Light.RED), (Light.GREEN, Light.BROKEN)}


@pytest.mark.parametrize("from_", Light)
@pytest.mark.parametrize("to", Light)
def test_it_allows_what_the_table_has_and_nothing_else(from_: Light, to: Light) -> None:
    assert LIGHTS.allows(from_, to) == ((from_, to) in ARROWS)


def test_an_arrow_of_the_table_passes() -> None:
    LIGHTS.check(Light.RED, Light.GREEN)


def test_any_other_is_refused_with_both_states() -> None:
    with pytest.raises(IllegalTransition, match="BROKEN → RED") as caught:
        LIGHTS.check(Light.BROKEN, Light.RED)

    assert (caught.value.from_, caught.value.to) == (Light.BROKEN, Light.RED)

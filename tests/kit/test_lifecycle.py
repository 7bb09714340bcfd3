"""A lifecycle allows the transitions of its table and raises for all others."""

from enum import StrEnum

import pytest

from roadbike.kit.pure.lifecycle import IllegalTransition, Lifecycle


class Light(StrEnum):
    RED = "빨강"
    GREEN = "초록"
    BROKEN = "고장"


LIGHTS = Lifecycle({Light.RED: {Light.GREEN}, Light.GREEN: {Light.RED, Light.BROKEN}})
ALLOWED = {(Light.RED, Light.GREEN), (Light.GREEN, Light.RED), (Light.GREEN, Light.BROKEN)}


@pytest.mark.parametrize("from_", Light)
@pytest.mark.parametrize("to", Light)
def test_only_the_transitions_of_the_table_are_allowed(from_: Light, to: Light) -> None:
    assert LIGHTS.allows(from_, to) == ((from_, to) in ALLOWED)


def test_check_passes_for_a_transition_of_the_table() -> None:
    LIGHTS.check(Light.RED, Light.GREEN)


def test_check_raises_for_another_transition_and_names_both_states() -> None:
    with pytest.raises(IllegalTransition, match="BROKEN → RED") as caught:
        LIGHTS.check(Light.BROKEN, Light.RED)

    assert (caught.value.from_, caught.value.to) == (Light.BROKEN, Light.RED)

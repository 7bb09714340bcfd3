"""The size adviser, tried on the aero model of the demo bikes, and the computed measures."""

import pytest

from roadbike.storefront import sizing
from tests.storefront.frames import demo_geometries

AERO = demo_geometries("가온바람 화살 / Gaonbaram Hwasal")


@pytest.mark.parametrize(
    ("height", "inseam", "best"),
    [(162, 74.5, "49"), (168, 77, "52"), (175, 80, "54"), (185, 86, "58")],
)
def test_a_body_of_usual_proportions_gets_one_size(height: float, inseam: float, best: str) -> None:
    advice = sizing.advise(AERO, height, inseam)

    assert advice is not None
    assert (advice.best, advice.second) == (best, None)


def test_long_legs_fit_two_sizes() -> None:
    advice = sizing.advise(AERO, 175, 84)

    assert advice is not None
    assert {advice.best, advice.second} == {"54", "56"}


def test_a_body_that_no_size_fits_gets_none() -> None:
    assert sizing.advise(AERO, 196, 92) is None
    assert sizing.advise(AERO, 150, 60) is None
    assert sizing.advise({}, 175, 80) is None


def test_the_room_over_the_top_tube_is_what_is_left_of_the_inseam() -> None:
    advice = sizing.advise(AERO, 175, 80)

    assert advice is not None
    assert advice.room_mm == round(800 - sizing.standover(AERO["54"])) == 39


def test_the_table_s_measures_grow_with_the_size() -> None:
    for measure in (sizing.effective_top_tube, sizing.standover, sizing.wheelbase):
        values = [measure(geometry) for geometry in AERO.values()]
        assert values == sorted(values)
    assert [round(sizing.wheelbase(each)) for each in AERO.values()] == [962, 970, 979, 988, 998]

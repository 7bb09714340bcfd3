"""Drawings of bikes: to scale, safe to put into a page, one for each kind and size."""

import re
from xml.etree import ElementTree as ET

import pytest

from roadbike.contracts.geometry import Kind
from roadbike.storefront.drawing import KINDS, draw
from roadbike.storefront.drawing.joints import joints
from roadbike.storefront.rendering import environment
from tests.storefront.frames import all_demo_geometries, geometry

GEOMETRY = geometry()
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_one_small_picture_without_styles_and_scripts(kind: Kind) -> None:
    text = draw(geometry(kind=kind), title="a bike")

    picture = parsed(text)
    names = {element.tag.removeprefix(SVG) for element in picture.iter()}
    attributes = {name for element in picture.iter() for name in element.attrib}
    assert names <= {"svg", "title", "g", "path", "circle", "ellipse"}
    assert not attributes & {"style", "id", "class", "href", "onload"}
    assert len(text) < 7000


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 our own drawing


def test_the_title_is_text_whatever_it_says() -> None:
    title = '</title><script>alert("1")</script>'

    picture = parsed(draw(GEOMETRY, title=title))

    assert [each.text for each in picture.iter(f"{SVG}title")] == [title]
    assert [*picture.iter(f"{SVG}script")] == []


def test_the_dimension_lines_name_the_numbers_of_the_geometry() -> None:
    words = ("stack", "reach", "wheelbase")

    picture = parsed(draw(GEOMETRY, title="", words=words))

    texts = [each.text for each in picture.iter(f"{SVG}text")]
    assert texts[:2] == ["stack 543", "reach 388"]
    assert re.fullmatch(r"wheelbase 9\d\d", texts[2] or "")


def test_another_size_is_drawn_over_it() -> None:
    smaller = geometry(stack=495, reach=372, headTube=84, seatTube=452)

    alone = draw(GEOMETRY, title="")
    compared = draw(GEOMETRY, title="", other=smaller)

    assert compared.count('stroke-dasharray="20 18"') == 1
    assert alone.count('stroke-dasharray="20 18"') == 0


def test_the_wheels_stand_on_the_ground_in_every_size() -> None:
    for each in all_demo_geometries():
        shape = KINDS[each.kind]
        at = joints(each, shape)
        assert abs(at.rear.imag - (311 + shape.tyre_width)) < 1
        assert abs(at.front.imag - at.rear.imag) < 1


def test_a_bike_of_unknown_geometry_has_no_picture() -> None:
    picture = environment().globals["picture"]

    assert picture(None, "title") is None
    assert "<title>title</title>" in str(picture(GEOMETRY, "title"))

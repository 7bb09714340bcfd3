"""Draw a road bike from its drive side, to scale, from its geometry and paint."""

from cmath import rect
from collections.abc import Iterator
from html import escape
from math import pi, radians
from typing import Final

from roadbike.contracts.geometry import Geometry
from roadbike.storefront.drawing.joints import BEAD_RADIUS, Joints, joints
from roadbike.storefront.drawing.shapes import (
    DARK,
    GREY,
    KINDS,
    STEEL,
    TYRE,
    Shape,
)
from roadbike.storefront.drawing.svg import (
    CRANK_X,
    GROUND_Y,
    HEIGHT,
    WIDTH,
    Tube,
    circle,
    lines,
    outlines,
    path,
    xy,
)

Words = tuple[str, str, str]  # for stack, reach and wheelbase

SHADOW: Final = (
    f'<ellipse cx="{CRANK_X + 90}" cy="{GROUND_Y + 3}" rx="720" ry="11" fill="#000" opacity=".15"/>'
)
SADDLE: Final = (
    "M-132,14C-122,4 -70,-4 -30,-3C40,0 86,8 122,8Q140,6 140,-4Q138,-14 118,-15"
    "C60,-16 10,-18 -40,-26C-80,-31 -118,-28 -130,-20Q-144,-2 -132,14Z"
)
RAILS: Final = "M-92,-28L-60,-38L58,-36L104,-18"
DROP_BAR: Final = "M-2,0L54,-2C100,-6 108,-54 82,-94C66,-118 34,-126 -26,-127"
LEVER: Final = "M124,12C132,-24 118,-64 98,-94"
HOOD: Final = "M42,13C70,15 94,18 110,32C121,43 134,38 133,24C131,4 112,-16 84,-26Z"
AERO_PADS: Final = "M0,0L8,58M-60,60L190,74Q222,78 238,104"
AERO_GRIPS: Final = "M-58,84L36,90M-6,-4L92,-10Q126,-8 146,20"


def draw(
    geometry: Geometry,
    *,
    title: str,
    words: Words | None = None,
    other: Geometry | None = None,
) -> str:
    """Return the SVG text of one bike, about 5 KB.

    The accent of the geometry colours the fork and a panel on the down tube.
    title: what readers of the screen get. words: for the dimension lines; None draws none.
    other: another size, drawn over it as a dashed outline.
    All drawings share one canvas and one ground line, so that sizes can be compared.
    """
    shape = KINDS[geometry.kind]
    own = joints(geometry, shape)
    parts = [
        SHADOW,
        _wheel(own.rear, shape, closed=shape.time_trial),
        _wheel(own.front, shape, closed=False),
        *_frame(own, shape, geometry.paint, geometry.accent),
        *_drive_train(own, shape.colours.alloy),
        *_contact_points(own, shape),
        *(_dimensions(own, words) if words else ()),
        *(_outline(joints(other, shape)) if other else ()),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>"
        '<g fill="none" stroke-linejoin="round" stroke-linecap="round">'
        f"{''.join(parts)}</g></svg>"
    )


def _frame(at: Joints, shape: Shape, paint: str, accent: str) -> Iterator[str]:
    """Yield the painted tubes, back to front: colour, then a light and a dark edge along each."""
    tubes, bows, bottom = shape.tubes, shape.bows, at.bottom_bracket
    joint = at.head + at.down_fork * 34
    end = at.crown - at.down_fork * tubes.down[1] * 0.55
    chainstay = (tubes.stay[0] + 3, tubes.stay[1] + 8)
    panel = Tube(bottom + (end - bottom) * 0.34, bottom + (end - bottom) * 0.8, tubes.down)
    layers: list[tuple[str, Tube | None, list[Tube]]] = [
        (accent, None, [Tube(at.crown, at.front, tubes.fork, bows.fork)]),
        (
            paint,
            None,
            [
                Tube(at.rear, at.stays, tubes.stay, bows.stays),
                Tube(at.rear, bottom, chainstay, -3),
            ],
        ),
        (
            paint,
            panel,
            [
                Tube(at.seat - at.up_seat * 14, joint, tubes.top, bows.top),
                Tube(bottom, end, tubes.down),
            ],
        ),
        (paint, None, [Tube(at.seat, bottom, tubes.seat), Tube(at.head, at.crown, tubes.head)]),
    ]
    for colour, own_panel, layer in layers:
        yield path(outlines(layer), fill=colour, stroke=colour, stroke_width=6)
        if own_panel:
            yield path(outlines([own_panel], 0, 0.5), fill=accent)
        yield path(outlines(layer, 0.27, 0.2), fill="#fff", opacity=".32")
        yield path(outlines(layer, -0.34, 0.32), fill="#000", opacity=".22")


def _wheel(axle: complex, shape: Shape, *, closed: bool) -> str:
    """Return tyre, rim, crossed spokes, brake disc and hub; or a closed disc."""
    deep, tyre, colours = shape.rim_depth, shape.tyre_width, shape.colours
    rings = [
        (BEAD_RADIUS + tyre / 2, TYRE, tyre, "", True),
        (BEAD_RADIUS + tyre * 0.22, colours.tyre_wall, tyre * 0.44, "", True),
        (BEAD_RADIUS + tyre, TYRE, 9, "8 10", shape.knobs),
        (BEAD_RADIUS / 2, colours.rim, BEAD_RADIUS, "", closed),
        (200, GREY, 3, "", closed),
        (BEAD_RADIUS - deep / 2, colours.rim, deep, "", True),
        (BEAD_RADIUS - deep / 2, "#70757e", 12, "190 778", deep > 50),  # noqa: PLR2004 a deep rim
        (BEAD_RADIUS - 3, "#5b5f68", 3, "", True),
        (70, "#8b929c", 13, "16 6", shape.disc_brakes),
        (16, STEEL, 14, "", True),
    ]
    drawn = "".join(
        circle(0, radius, colour, width, dash=dash)
        for radius, colour, width, dash, is_there in rings
        if is_there
    )
    spokes = "" if closed else path(_spokes(deep), stroke="#757c86", stroke_width=3)
    return f'<g transform="translate({xy(axle)})">{spokes}{drawn}</g>'


def _spokes(rim_depth: float) -> str:
    """Return spokes around the origin; the deeper the rim, the fewer."""
    count = 2 * round(8 + 80 / rim_depth)
    ends = [
        (
            rect(20, 2 * pi / count * number + (1.3, -1.3)[number % 2]),
            rect(BEAD_RADIUS - rim_depth, 2 * pi / count * number),
        )
        for number in range(count)
    ]
    return "".join(f"M{p.real:.0f} {p.imag:.0f}L{q.real:.0f} {q.imag:.0f}" for p, q in ends)


def _drive_train(at: Joints, alloy: str) -> Iterator[str]:
    """Yield cassette, derailleur, chain, chainring and crank."""
    bottom, rear, front = at.bottom_bracket, at.rear, at.front
    guide, idler, tip = rear + 14 - 74j, rear + 38 - 146j, bottom + rect(170, radians(-9))
    cage = outlines([Tube(guide + 14j, idler - 10j, (22, 20))])
    chain = (rear + 52j, bottom + 98j), (idler - 15j, bottom - 98j), (rear + 47, guide + 16)
    rings = (
        *((rear, radius, GREY, 5) for radius in (50, 40, 30)),
        (rear, 9, DARK, 8),
        (front, 9, DARK, 8),
        (guide, 13, STEEL, 5),
        (idler, 13, STEEL, 5),
        (bottom, 92, "#3b3e45", 13),
    )
    arms = (lines((bottom, bottom + rect(88, 0.62 + number * pi / 2))) for number in range(4))
    yield path(cage, fill=alloy, stroke=alloy, stroke_width=6)
    yield path("".join(map(lines, chain)), stroke="#50545b", stroke_width=7)
    yield "".join(circle(*ring) for ring in rings)
    yield circle(bottom, 101, "#3b3e45", 7, dash="7 6")
    yield path("".join(arms), stroke=alloy, stroke_width=17)
    crank = outlines([Tube(bottom, tip, (34, 22))])
    yield path(crank, fill=alloy, stroke=alloy, stroke_width=8)
    yield circle(bottom, 16, STEEL, 8) + circle(tip, 6, STEEL, 5)


def _contact_points(at: Joints, shape: Shape) -> Iterator[str]:
    """Yield what the rider touches: the saddle; stem, bar, hood and lever, or aero extensions."""
    colours, width = shape.colours, shape.tubes.seat[0] * 0.88
    post = [Tube(at.saddle - at.up_seat * 44, at.seat - at.up_seat * 6, (width, width))]
    stem = [
        Tube(at.stem - at.down_fork * 14, at.head, (32, 36)),
        Tube(at.stem, at.bar, (36, 30)),
    ]
    yield path(outlines(post), fill=colours.alloy)
    yield path(outlines(post, 0.25, 0.2), fill="#fff", opacity=".2")
    yield path(RAILS, around=at.saddle, stroke=STEEL, stroke_width=8)
    yield path(SADDLE, around=at.saddle, fill=colours.tape)
    yield path(outlines(stem), fill=colours.alloy, stroke=colours.alloy, stroke_width=6)
    if shape.time_trial:
        yield path(AERO_PADS, around=at.bar, stroke=DARK, stroke_width=20)
        yield path(AERO_GRIPS, around=at.bar, stroke=TYRE, stroke_width=26)
        return
    lever = STEEL if colours.alloy != DARK else GREY
    yield path(DROP_BAR, around=at.bar, stroke=colours.tape, stroke_width=27)
    yield path(LEVER, around=at.bar, stroke=lever, stroke_width=9)
    yield path(HOOD, around=at.bar, fill="#33363c")


def _dimensions(at: Joints, words: Words) -> Iterator[str]:
    """Yield dimension lines for stack, reach and wheelbase, each with its word and number."""
    bottom, corner = at.bottom_bracket, complex(0, at.head.imag)
    rear, front = complex(at.rear.real, -16), complex(at.front.real, -16)
    drawn = lines((bottom, corner, at.head)) + lines((at.rear, rear, front, at.front))
    yield path(drawn, stroke="currentColor", stroke_width=4, stroke_dasharray="1 10")
    places = (
        bottom + 0.64 * (corner - bottom) + 112,
        (corner + at.head) / 2 + 20j,
        complex((rear + front).real / 2, 26),
    )
    lengths = ((corner - bottom).imag, at.head.real, (front - rear).real)
    text = "".join(
        _text(place, f"{escape(word)} {length:.0f}")
        for place, word, length in zip(places, words, lengths, strict=True)
    )
    yield f'<g fill="currentColor" font-size="44" text-anchor="middle">{text}</g>'


def _text(place: complex, content: str) -> str:
    x, y = xy(place).split()
    return f'<text x="{x}" y="{y}">{content}</text>'


def _outline(at: Joints) -> Iterator[str]:
    """Yield the frame as a dashed line."""
    way = (
        *(at.rear, at.bottom_bracket, at.seat, at.stays, at.rear, at.stays),
        *(at.seat, at.head, at.crown, at.bottom_bracket, at.crown, at.front),
    )
    yield path(lines(way), stroke="#fff", stroke_width=12, opacity=".65")
    yield path(lines(way), stroke="currentColor", stroke_width=6, stroke_dasharray="20 18")

"""One picture per service: adapters in, the core in a hexagon, adapters out."""

from collections.abc import Sequence
from typing import Final

from tools.docs.anatomy import Adapter, Anatomy, anatomy
from tools.docs.flow import Flow
from tools.docs.services import port, title
from tools.docs.svg import Box, Canvas, Point

WIDTH: Final = 1180.0
CARD: Final = 330.0
MARGIN: Final = 22.0
TOP: Final = 84.0
ROW: Final = 18.0
CARD_HEAD: Final = 46.0
CARD_GAP: Final = 14.0
LINE: Final = 17.0
CENTRE: Final = WIDTH / 2
POINT: Final = 56.0  # how far the hexagon's left and right corners stand out
CORE: Final = 290.0  # width of the hexagon between the corners of its upper side
LISTED: Final = 12  # names in one list of the core
FILLS: Final = {"sync": "#e3f0fb", "pubsub": "#fff0dc", "time": "#eef1f4", "own": "#e6f4e1"}
STROKES: Final = {"sync": "#6aa5d8", "pubsub": "#e0a050", "time": "#9aa5b1", "own": "#7fb069"}


def hexagon(flow: Flow, name: str) -> str:
    """Return the picture of one service as SVG."""
    parts = anatomy(flow, name)
    core = _core_lines(parts)
    tall = max(_tall(parts.incoming), _tall(parts.outgoing), len(core) * LINE + 150)
    canvas = Canvas(WIDTH, TOP + tall + MARGIN, f"The service {title(name)}: adapters and core")
    _heading(canvas, name)
    middle = TOP + tall / 2
    hexagon_tall = len(core) * LINE + 110
    _core(canvas, core, middle, hexagon_tall)
    _cards(canvas, parts.incoming, MARGIN, middle, hexagon_tall, incoming=True)
    _cards(canvas, parts.outgoing, WIDTH - MARGIN - CARD, middle, hexagon_tall, incoming=False)
    return str(canvas)


def _heading(canvas: Canvas, name: str) -> None:
    canvas.text((MARGIN, 36), f"{title(name)}  :{port(name)}", size=20, style="b")
    canvas.text((MARGIN, 66), "adapters in", size=13, style="b s")
    canvas.text((WIDTH - MARGIN - CARD, 66), "adapters out", size=13, style="b s")
    x = WIDTH - MARGIN - 520
    for kind, text in [
        ("sync", "synchronous call"),
        ("pubsub", "publish/subscribe"),
        ("time", "timer"),
        ("own", "database"),
    ]:
        canvas.box(Box(x, 22, 18, 18), FILLS[kind], STROKES[kind], round_=4)
        canvas.text((x + 25, 36), text, size=12.5)
        x += 52 + len(text) * 6.6


def _card_tall(adapter: Adapter) -> float:
    return CARD_HEAD + len(adapter.rows) * ROW + 8


def _tall(adapters: Sequence[Adapter]) -> float:
    return sum(_card_tall(one) + CARD_GAP for one in adapters)


def _cards(
    canvas: Canvas, adapters: Sequence[Adapter], x: float, middle: float, core: float, *,
    incoming: bool,
) -> None:  # fmt: skip
    y = middle - (_tall(adapters) - CARD_GAP) / 2
    side = CENTRE - CORE / 2 - POINT if incoming else CENTRE + CORE / 2 + POINT
    for at, adapter in enumerate(adapters):
        box = Box(x, y, CARD, _card_tall(adapter))
        _card(canvas, adapter, box)
        spread = (at - (len(adapters) - 1) / 2) * min(26, core / 4 / max(len(adapters), 1))
        inner = side + abs(spread) * POINT / (core / 2) * (1 if incoming else -1)
        dashed = adapter.by == "pubsub"
        if incoming:
            canvas.line([box.right, (inner - 4, middle + spread)], dashed=dashed)
        else:
            canvas.line([(inner + 4, middle + spread), box.left], dashed=dashed)
        y += box.height + CARD_GAP


def _card(canvas: Canvas, adapter: Adapter, box: Box) -> None:
    canvas.box(box, FILLS[adapter.by], STROKES[adapter.by], round_=9)
    canvas.text((box.x + 12, box.y + 21), adapter.name, size=13.5, style="b", widest=CARD - 24)
    canvas.text((box.x + 12, box.y + 37), adapter.note, size=11.5, style="s", widest=CARD - 24)
    for at, row in enumerate(adapter.rows):
        place = box.x + 12, box.y + CARD_HEAD + 13 + at * ROW
        canvas.text(place, row, size=12.5, style="m", widest=CARD - 24)


def _core_lines(parts: Anatomy) -> list[tuple[str, str]]:
    """Return the lines in the hexagon, each with its style."""
    lines = [("use cases", "b")] if parts.use_cases else []
    lines += [(name, "m") for name in _shortened(parts.use_cases)]
    if parts.states or parts.decisions:
        lines += [("", ""), ("domain", "b")]
    lines += [(name, "m") for name in _joined(parts.states)]
    lines += [(name, "m s") for name in _shortened(parts.decisions)]
    if parts.refusals:
        lines.append((f"{parts.refusals} refusals", "s"))
    return lines


def _shortened(names: Sequence[str]) -> list[str]:
    if len(names) <= LISTED:
        return list(names)
    return [*names[: LISTED - 1], f"… and {len(names) - LISTED + 1} more"]


def _joined(names: Sequence[str]) -> list[str]:
    """Return the names in lines of three."""
    return [" · ".join(names[at : at + 3]) for at in range(0, len(names), 3)]


def _core(canvas: Canvas, lines: Sequence[tuple[str, str]], middle: float, tall: float) -> None:
    canvas.polygon(_hexagon(middle, tall, 0), "#f3effa", "#8a6fc0", 2.4)
    canvas.polygon(_hexagon(middle, tall, 20), "#fbfaff", "#c9bbe6", 1.4)
    y = middle - (len(lines) - 1) * LINE / 2 + 4
    for text, style in lines:
        canvas.text(
            (CENTRE, y), text, size=13 if "b" in style else 12.5, style=style, anchor="middle",
            widest=CORE + 20,
        )  # fmt: skip
        y += LINE


def _hexagon(middle: float, tall: float, inset: float) -> list[Point]:
    half, up = CORE / 2 - inset * 0.6, tall / 2 - inset
    out = half + POINT - inset * 0.5
    return [
        (CENTRE - half, middle - up),
        (CENTRE + half, middle - up),
        (CENTRE + out, middle),
        (CENTRE + half, middle + up),
        (CENTRE - half, middle + up),
        (CENTRE - out, middle),
    ]

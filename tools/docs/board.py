"""The event-storming board: command or policy, aggregate, event, policies, read model."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from roadbike.kit.pure.events import Event
from tools.docs.flow import Flow, Kind
from tools.docs.services import title
from tools.docs.svg import INK, Box, Canvas

READ_MODEL: Final = "mypage"
COLOURS: Final[dict[Kind, str]] = {
    "command": "#a9d4f5",
    "time": "#cfe3f2",
    "policy": "#dcc3f0",
    "outside": "#f9bfd2",
}
AGGREGATE: Final = "#fff0a0"
EVENT: Final = "#ffb66b"
GREEN: Final = "#bfe3a8"

MARGIN: Final = 24.0
GAP: Final = 34.0
WIDTHS: Final = (282.0, 112.0, 206.0, 220.0, 100.0)
STICKY: Final = 42.0
STEP: Final = STICKY + 7
HEAD: Final = 112.0
LANE: Final = 40.0
COLUMNS: Final = ("what causes it", "aggregate", "event", "policies: who reacts", "read model")


@dataclass(frozen=True, slots=True)
class Sticky:
    """One note: a name in the code above, and what it is below."""

    colour: str
    name: str
    detail: str = ""


def board(flow: Flow) -> str:
    """Return the board as SVG: one lane per publishing service, one row per event."""
    lanes = {
        name: list(service.publishes)
        for name, service in flow.services.items()
        if service.publishes
    }
    height = HEAD + sum(
        LANE + sum(_height(flow, event) for event in events) for events in lanes.values()
    )
    width = _x(len(WIDTHS)) - GAP + MARGIN
    canvas = Canvas(width, height + MARGIN, "Event-storming board of the shop")
    _legend(canvas)
    y = HEAD
    for name, events in lanes.items():
        tall = LANE + sum(_height(flow, event) for event in events)
        canvas.box(Box(MARGIN / 2, y, width - MARGIN, tall - 10), "#f5f7fa", round_=10)
        canvas.text((MARGIN, y + 25), title(name), size=17, style="b")
        y += LANE
        for event in events:
            _row(canvas, flow, event, y)
            y += _height(flow, event)
    return str(canvas)


def _x(column: int) -> float:
    return MARGIN + sum(WIDTHS[:column]) + GAP * column


def _height(flow: Flow, event: type[Event]) -> float:
    policies = [one for one in flow.consumers(event) if one.service != READ_MODEL]
    return max(len(flow.triggers[event]), len(policies), 1) * STEP + 12


def _row(canvas: Canvas, flow: Flow, event: type[Event], y: float) -> None:
    tall = _height(flow, event) - 12
    triggers = [Sticky(COLOURS[one.kind], one.what, one.detail) for one in flow.triggers[event]]
    consumers = flow.consumers(event)
    policies = [
        Sticky(COLOURS["policy"], one.use_case, title(one.service))
        for one in consumers
        if one.service != READ_MODEL
    ]
    models = [Sticky(GREEN, title(one.service)) for one in consumers if one.service == READ_MODEL]
    columns = [
        triggers,
        [Sticky(AGGREGATE, event.kind)],
        [Sticky(EVENT, event.__name__)],
        policies,
        models,
    ]
    placed = [_stack(canvas, stickies, at, y, tall) for at, stickies in enumerate(columns)]
    for before, after in pairwise(placed[:3]):
        for box in before:
            canvas.line([box.right, _near(box, after[0])])
    (shown,) = placed[2]
    for box in placed[3]:
        canvas.line([shown.right, box.left], dashed=True)
    for box in placed[4]:
        canvas.line(_past(shown, box, placed[3]), dashed=True)


def _near(box: Box, after: Box) -> tuple[float, float]:
    """Return the point of the next sticky's left side that is nearest to this one's middle."""
    middle = box.y + box.height / 2
    return after.x, min(max(middle, after.y + 8), after.y + after.height - 8)


def _past(event: Box, model: Box, policies: Sequence[Box]) -> list[tuple[float, float]]:
    """Return the way from an event to its read model: straight, or over the policies."""
    if not policies:
        return [event.right, model.left]
    over = policies[0].y - 5
    x, y = event.right
    return [(x, y - 10), (x + GAP / 2, over), (model.x - GAP / 2, over), (model.x, model.y + 8)]


def _stack(
    canvas: Canvas, stickies: Sequence[Sticky], column: int, y: float, tall: float
) -> list[Box]:
    first = y + (tall - (len(stickies) * STEP - 7)) / 2
    boxes = [
        Box(_x(column), first + at * STEP, WIDTHS[column], STICKY) for at in range(len(stickies))
    ]
    for sticky, box in zip(stickies, boxes, strict=True):
        _stick(canvas, sticky, box)
    return boxes


def _stick(canvas: Canvas, sticky: Sticky, box: Box) -> None:
    canvas.box(box, sticky.colour, "#00000022", round_=3)
    at = 18 if sticky.detail else 26
    style = "m" if sticky.detail else "m b"
    widest = box.width - 18
    canvas.text((box.x + 9, box.y + at), sticky.name, size=12.5, style=style, widest=widest)
    if sticky.detail:
        canvas.text((box.x + 9, box.y + 34), sticky.detail, size=12, style="s", widest=widest)


def _legend(canvas: Canvas) -> None:
    canvas.text((MARGIN, 34), "Event-storming board", size=20, style="b")
    notes = [
        (COLOURS["command"], "command"),
        (COLOURS["time"], "timed work"),
        (COLOURS["policy"], "policy"),
        (COLOURS["outside"], "outside system"),
        (AGGREGATE, "aggregate"),
        (EVENT, "event"),
        (GREEN, "read model"),
    ]
    x = MARGIN + 262
    for colour, name in notes:
        canvas.box(Box(x, 20, 18, 18), colour, "#00000022", round_=3)
        canvas.text((x + 24, 34), name, size=12.5)
        x += 44 + len(name) * 7
    for at, name in enumerate(COLUMNS):
        canvas.text((_x(at), 74), name, size=13, style="b s")
    canvas.text(
        (MARGIN, 97),
        "solid: in a transaction of the aggregate's service · dashed: by the broker, at least once",
        size=12, style="s",
    )  # fmt: skip
    canvas.parts.append(
        f'<line x1="{MARGIN:g}" y1="82" x2="{canvas.width - MARGIN:g}" y2="82" stroke="{INK}" '
        'stroke-opacity=".35"/>'
    )

"""A canvas for pictures made of boxes, lines and text, written as SVG by hand-made rules."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

MONO: Final = 0.602  # width of a letter of the monospaced font, per point of size
SANS: Final = 0.54  # of the other font, on average
FONTS: Final = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;"
    "fill:#1f2933}"
    ".m{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
    ".b{font-weight:600}.s{fill:#5b6875}"
)
INK: Final = "#5b6875"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: its left upper corner, width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> Point:
        """Return the middle of its left side."""
        return self.x, self.y + self.height / 2

    @property
    def right(self) -> Point:
        """Return the middle of its right side."""
        return self.x + self.width, self.y + self.height / 2


@dataclass(slots=True)
class Canvas:
    """Elements of a picture, in the order in which they are drawn."""

    width: float
    height: float
    label: str
    parts: list[str] = field(default_factory=list)

    def box(self, box: Box, fill: str, stroke: str = "none", *, round_: float = 6) -> None:
        """Draw a rectangle with round corners."""
        self.parts.append(
            f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
            f'rx="{round_:g}" fill="{fill}" stroke="{stroke}"/>'
        )

    def polygon(self, points: Sequence[Point], fill: str, stroke: str, width: float = 2) -> None:
        """Draw a closed shape."""
        at = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(
            f'<polygon points="{at}" fill="{fill}" stroke="{stroke}" stroke-width="{width:g}" '
            'stroke-linejoin="round"/>'
        )

    def text(
        self,
        at: Point,
        text: str,
        *,
        size: float = 13,
        style: str = "",
        anchor: str = "start",
        widest: float = 0,
    ) -> None:
        """Write one line, its baseline at the point; squeezed where it would be wider than that.

        style: of the letters m (monospaced), b (bold), s (soft).
        """
        natural = len(text) * size * (MONO if "m" in style else SANS)
        squeeze = (
            f' textLength="{widest:g}" lengthAdjust="spacingAndGlyphs"'
            if widest and natural > widest
            else ""
        )
        self.parts.append(
            f'<text x="{at[0]:g}" y="{at[1]:g}" font-size="{size:g}" class="{style}" '
            f'text-anchor="{anchor}"{squeeze}>{escape(text)}</text>'
        )

    def line(self, points: Sequence[Point], stroke: str = INK, *, dashed: bool = False) -> None:
        """Draw a line with an arrow head at its end."""
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="1.6"{dashes} '
            'marker-end="url(#head)"/>'
        )

    def __str__(self) -> str:
        """Return the picture as an SVG document."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:g}" '
            f'height="{self.height:g}" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{escape(self.label)}">'
        )
        marker = (
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
            f'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" '
            f'fill="{INK}"/></marker></defs>'
        )
        ground = f'<rect width="{self.width:g}" height="{self.height:g}" rx="10" fill="#ffffff"/>'
        title = f"<title>{escape(self.label)}</title>"
        style = f"<style>{FONTS}</style>"
        return "\n".join([head, title, style, marker, ground, *self.parts, "</svg>", ""])

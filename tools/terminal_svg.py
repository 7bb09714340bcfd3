"""Draw what a command printed on a terminal as an SVG picture.

Every run of text has its exact width, so that columns stay aligned in any monospaced font, and
Korean letters take two columns, as on a terminal.
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

from rich.cells import cell_len, get_character_cell_size
from rich.color import blend_rgb
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

SVG: Final = "http://www.w3.org/2000/svg"
COLUMN: Final = 8.4  # width of a column in pixels, for the size below
SIZE: Final = 14
LINE: Final = 17
MARGIN: Final = 16
DIM: Final = 0.35  # how far dim text is blended into the background
BACKGROUND: Final = "#1f2328"  # dark on every page, so that one picture fits light and dark pages
FONTS: Final = (
    "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',"
    "'Noto Sans Mono CJK KR',monospace"
)


def picture(title: str, lines: Sequence[Text]) -> str:
    """Return the SVG of these lines, as wide as the longest one."""
    columns = max(cell_len(line.plain) for line in lines)
    width, height = columns * COLUMN + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    drawn = (element for row, line in enumerate(lines) for element in _line(row, line))
    return "\n".join(
        [
            f'<svg xmlns="{SVG}" width="{width:g}" height="{height:g}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>text{{font:{SIZE}px {FONTS};white-space:pre}}</style>",
            f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{BACKGROUND}"/>',
            *drawn,
            "</svg>\n",
        ]
    )


def _line(row: int, line: Text) -> Iterator[str]:
    column = 0
    for text, style in _runs(line):
        width = cell_len(text)
        if text.strip():
            yield (
                f'<text x="{MARGIN + column * COLUMN:g}" y="{MARGIN + row * LINE + SIZE:g}" '
                f'textLength="{width * COLUMN:g}" lengthAdjust="spacingAndGlyphs" '
                f"{_look(style)}>{escape(text, quote=False)}</text>"
            )
        column += width


def _runs(line: Text) -> Iterator[tuple[str, Style]]:
    """Part a line by style, and wide letters from narrow ones."""
    for text, style, _ in Segment.simplify(line.render(Console(color_system="truecolor"))):
        for _, letters in groupby(text, get_character_cell_size):
            yield "".join(letters), style or Style()


def _look(style: Style) -> str:
    theme = SVG_EXPORT_THEME
    colour = style.color.get_truecolor(theme) if style.color else theme.foreground_color
    if style.dim:
        colour = blend_rgb(colour, theme.background_color, DIM)
    return f'fill="{colour.hex}"' + (' font-weight="bold"' if style.bold else "")

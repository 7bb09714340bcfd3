"""What was measured, as a table, as JSON and as a chart."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from rich.table import Table

from roadbike.local.terminal import console
from roadbike.local.texts import say
from roadbike.ops.bench.measure import Measured

Results = Mapping[str, Sequence[Measured]]  # by case: the repetitions
COLUMNS: Final = ("rate", "p50", "p95", "p99", "failed", "cpu", "settled")


def show(results: Results) -> None:
    """Print a row for each case: the median of the repetitions, and the least and most rate."""
    table = Table(box=None, pad_edge=False)
    table.add_column(say("bench-case"), no_wrap=True)
    for name in COLUMNS:
        table.add_column(say(f"bench-{name}"), justify="right")
    for case, runs in results.items():
        table.add_row(say(f"bench-case-{case}"), *_cells(runs))
    console().print(table)


def ratios(results: Results) -> dict[str, float]:
    """Return how the shop compares: times the usual way, share of the raw limit, of the gateway.

    A ratio to something that did nothing is left out.
    """
    shop = _rate(results, "reserve-100")
    pairs = {
        "raw": (shop, _rate(results, "raw-100")),
        "gateway": (_rate(results, "gateway-100"), shop),
        "usual": (shop, _rate(results, "usual-100")),
    }
    return {name: rate / other for name, (rate, other) in pairs.items() if other}


def write(results: Results, folder: Path) -> list[Path]:
    """Write bench.json and bench.svg into the folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"ratios": ratios(results), "cases": results}
    as_json, as_svg = folder / "bench.json", folder / "bench.svg"
    as_json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    as_svg.write_bytes(_chart(results))
    return [as_json, as_svg]


def _rate(results: Results, case: str) -> float:
    return median(each.rate for each in results[case]) if case in results else 0.0


def _cells(runs: Sequence[Measured]) -> list[str]:
    rates = [each.rate for each in runs]
    spread = f" ({min(rates):,.0f}–{max(rates):,.0f})" if len(runs) > 1 else ""
    return [
        f"{median(rates):,.0f}{spread}",
        *(f"{median(getattr(each, name) for each in runs):,.1f}" for name in ("p50", "p95", "p99")),
        f"{sum(each.failed for each in runs):,}",
        f"{median(each.cpu_in_all for each in runs):,.0f}",
        f"{median(each.settled for each in runs):,.1f}",
    ]


def _chart(results: Results) -> bytes:
    """Draw where the CPU of each case goes: a bar for each case, a colour for each process."""
    # its import changes how all modules are found that are imported later
    import pygal  # noqa: PLC0415
    from pygal.style import CleanStyle  # noqa: PLC0415

    cases = [case for case in results if "read" not in case]
    parts = {part for case in cases for run in results[case] for part in run.cpu}
    chart = pygal.HorizontalStackedBar(
        js=[], style=CleanStyle, title=say("bench-chart"), x_title=say("bench-cpu"), height=600
    )
    chart.x_labels = [say(f"bench-case-{case}") for case in cases]
    for part in sorted(parts):
        of_case = ([run.cpu.get(part, 0.0) for run in results[case]] for case in cases)
        chart.add(part, [round(median(each)) for each in of_case])
    drawn: bytes = chart.render()
    return drawn

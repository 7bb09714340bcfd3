"""What `roadbike bench` says about what it measured."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from roadbike.local.errors import CommandError
from roadbike.ops.bench import books, command, report
from roadbike.ops.bench.load import Loaded
from roadbike.ops.bench.measure import Measured


def measured(rate: float, **more: Any) -> Measured:
    usual = {"p50": 1.0, "p95": 2.0, "p99": 3.0, "failed": 0, "statuses": {}, "done": 10}
    return Measured(rate=rate, **usual | {"cpu": {"stock": 5.0}, "generator": 1.0} | more)


def results(**rates: float) -> dict[str, list[Measured]]:
    given = {"reserve-100": 400, "gateway-100": 200, "raw-100": 1000, "usual-100": 100} | {
        name.replace("_", "-"): rate for name, rate in rates.items()
    }
    return {case: [measured(rate)] for case, rate in given.items()}


def loaded(created: int, failed: int = 0) -> Loaded:
    statuses = {"201": created, "503": failed}
    times = {"seconds": 1.0, "p50": 1.0, "p95": 1.0, "p99": 1.0, "cpu": 0.1}
    return Loaded(done=created, done_in_all=created, statuses=statuses, lost=0, **times)


def test_the_shop_is_compared_with_what_ran_beside_it() -> None:
    assert report.ratios(results()) == {"raw": 0.4, "gateway": 0.5, "usual": 4.0}


def test_without_fastapi_there_is_no_comparison_with_the_usual_way() -> None:
    found = results()
    del found["usual-100"]

    assert set(report.ratios(found)) == {"raw", "gateway"}


def test_a_shop_that_did_nothing_has_no_ratio_of_its_gateway() -> None:
    assert report.ratios(results(reserve_100=0)) == {"raw": 0.0, "usual": 0.0}


def test_a_ratio_is_that_of_the_medians() -> None:
    found = results()
    found["reserve-100"] = [measured(rate) for rate in (100, 400, 410)]

    assert report.ratios(found)["usual"] == 4.0


@pytest.mark.parametrize(("rate", "number"), [(150, 0), (149, 1)])
def test_a_shop_that_is_hardly_faster_than_the_usual_way_fails(rate: float, number: int) -> None:
    found = results(reserve_100=rate)

    assert len(command.faults(report.ratios(found), found)) == number


def test_a_request_that_failed_fails_the_benchmark() -> None:
    found = results() | {"reserve-100": [measured(400, failed=2)]}

    (fault,) = command.faults(report.ratios(found), found)
    assert "2" in fault


def test_what_was_measured_is_written_for_programs_and_drawn_for_people(tmp_path: Path) -> None:
    as_json, as_svg = report.write(results(), tmp_path)

    assert json.loads(as_json.read_text())["cases"]["reserve-100"][0]["rate"] == 400
    drawn = ET.fromstring(as_svg.read_bytes())  # noqa: S314  our own
    assert "stock" in "".join(drawn.itertext())


def test_a_row_says_median_and_spread(capsys: pytest.CaptureFixture[str]) -> None:
    report.show({"reserve-100": [measured(rate) for rate in (300, 100, 200)]})

    assert "200 (100–300)" in capsys.readouterr().out


@pytest.mark.parametrize("carried_out", [7, 8, 9])
def test_a_request_that_failed_may_have_been_carried_out(carried_out: int) -> None:
    books.check(loaded(7, failed=2), carried_out)


@pytest.mark.parametrize("made", [6, 10])
def test_books_that_disagree_end_the_benchmark(made: int) -> None:
    with pytest.raises(CommandError, match="7"):
        books.check(loaded(7, failed=2), made)

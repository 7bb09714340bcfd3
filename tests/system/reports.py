"""What the report of a failed test shows of its shop of processes; for conftest modules."""

from collections.abc import Generator

import pytest

from tests.system.real_shop import Shop


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last log lines of each shop of a failed test to its report."""
    report = yield
    if report.failed:
        for name, shop in item.funcargs.items():
            if isinstance(shop, Shop):
                report.sections.append((f"the logs of {name}", shop.last_lines()))
    return report

"""The audit finds each violation that is planted into a shop that has sold in every way."""

from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path

import pytest

from roadbike.ops import journal
from roadbike.ops.audit.copies import PROVIDER
from roadbike.ops.audit.invariants import IDS, INVARIANTS
from tests.flows.audited import Audited, closed, sell
from tests.flows.in_process_shop import SERVICES, Url, open_shop
from tests.flows.violations import VIOLATIONS

ANY_MOMENT = {each.id for each in INVARIANTS if not each.settled}


@pytest.fixture
def url(migrated_url: Callable[..., str], new_database: Callable[..., str], dialect: str) -> Url:
    """All databases are of one dialect."""

    @cache
    def url(service: str) -> str:
        if service == PROVIDER:
            return new_database(dialect)
        return migrated_url(f"roadbike.{service}", dialect)

    return url


@pytest.fixture
async def audited(url: Url, tmp_path: Path) -> AsyncIterator[Audited]:
    async with open_shop(url, SERVICES) as shop:
        path = tmp_path / "journal.jsonl"
        with journal.Journal(path) as notes:
            sold = await sell(shop, notes)
        yield await closed(shop, sold, journal.read([path]))


async def test_the_audit_finds_one_violation_of_each_invariant_and_none_before(
    audited: Audited,
) -> None:
    healthy = await audited.audit()
    at_any_moment = await audited.audit(settled=False)
    lines, log = list(audited.journal), audited.shop.log.topics["bike.reservation"]
    positions = dict(log.positions)

    assert list(healthy.lines()) == []
    assert list(healthy.violations) == list(IDS)
    assert len(IDS) == 28
    assert set(at_any_moment.violations) == ANY_MOMENT
    assert at_any_moment.exit_code == healthy.exit_code == 0
    assert set(VIOLATIONS) == set(IDS)
    for id_, plant in VIOLATIONS.items():
        planted = await plant(audited)

        report = await audited.audit()

        found = {each.key for each in report.violations[id_]}
        assert planted in found, (id_, planted, list(report.lines()))
        assert report.exit_code == 1
        assert any(line.startswith(id_) for line in report.lines())
        await audited.restore()
        audited.journal[:] = lines
        log.positions.update(positions)
    assert list((await audited.audit()).lines()) == []

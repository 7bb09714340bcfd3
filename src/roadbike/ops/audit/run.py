"""One audit: copy what is needed, run every query, and look again at what seems violated."""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from roadbike.kit.messaging.broker import Broker
from roadbike.local.texts import say
from roadbike.ops.audit.broker_log import UNAVAILABLE, find_lost, unavailable
from roadbike.ops.audit.copies import COPIES, ORDER, PROVIDER, Copy
from roadbike.ops.audit.invariants import IDS, INVARIANTS, Invariant
from roadbike.ops.audit.invariants.invariant import parameters
from roadbike.ops.audit.quiet import Statuses, busy_after
from roadbike.ops.audit.reading import copy_rows, reading
from roadbike.ops.audit.report import Report, Violation
from roadbike.ops.audit.snapshot import JOURNAL_COLUMNS, Snapshot, text_of
from roadbike.ops.journal import Line

LOOKS: Final = 2  # again at what seems violated; an open shop changes while it is read
PAUSE_SECONDS: Final = 0.2  # before each of them
AGAIN_AT_ONCE: Final = 500  # keys


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What is audited.

    databases: URLs by service, and that of the simulated provider's journal as `provider`; what
    is not there is not checked. statuses: asks the services what they have left to do.
    broker: its connection, as a user who may read the log; None when it cannot be read.
    """

    databases: Mapping[str, str]
    statuses: Statuses | None = None
    broker: Broker | None = None


@dataclass
class _Audit:
    sources: Sources
    settled: bool
    journal: Sequence[Line]
    snapshot: Snapshot
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    not_checked: dict[str, str] = field(default_factory=dict)

    async def run(self) -> dict[str, list[Violation]]:
        wanted = [each for each in INVARIANTS if self._is_wanted(each)]
        names = {name for each in wanted for name in each.copies}
        copies = [copy for copy in COPIES if copy.name in names]
        await self._read(copies)
        self._read_journal()
        if "lost" in names:
            await self._read_log()
        found: dict[str, list[Violation]] = {}
        for each in wanted:
            found.setdefault(each.id, []).extend(await self._persisting(each))
        return {id_: sorted(found[id_]) for id_ in IDS if id_ in found}

    def _is_wanted(self, invariant: Invariant) -> bool:
        if reason := self._reason_against(invariant):
            self.not_checked[invariant.id] = reason
        return not reason

    def _reason_against(self, invariant: Invariant) -> str:
        if invariant.settled and not self.settled:
            return say("audit-not-settled")
        if invariant.journal and not self.journal:
            return say("audit-no-journal")
        if "lost" in invariant.reads and self.sources.broker is None:
            return say("audit-no-broker")
        missing = {
            copy.service
            for copy in COPIES
            if copy.name in invariant.reads and copy.service not in self.sources.databases
        }
        return say("audit-no-database", services=", ".join(sorted(missing))) if missing else ""

    async def _read(
        self, copies: Iterable[Copy], only: tuple[str, Collection[str]] | None = None
    ) -> None:
        """Read the copies, those of one service together, in their order."""
        by_service: dict[str, list[Copy]] = {}
        for copy in copies:
            by_service.setdefault(copy.service, []).append(copy)
        for service, of_service in by_service.items():
            if service in self.sources.databases:
                async with reading(self.sources.databases[service]) as connection:
                    await copy_rows(connection, of_service, self.snapshot, self.now, only)

    def _read_journal(self) -> None:
        rows = ([getattr(line, name) for name in JOURNAL_COLUMNS[1:]] for line in self.journal)
        numbered = ([number, *row] for number, row in enumerate(rows, 1))
        self.snapshot.put("journal", numbered, len(JOURNAL_COLUMNS))

    async def _read_log(self) -> None:
        assert self.sources.broker is not None  # else E2 is not wanted
        services = [each for each in ORDER if each in self.sources.databases and each != PROVIDER]
        try:
            await find_lost(self.snapshot, self.sources.broker, services)
        except UNAVAILABLE as error:
            self.not_checked["E2"] = say("audit-broker-unavailable", reason=unavailable(error))
        else:
            self.not_checked["E2"] = say("audit-kept-only")

    async def _persisting(self, invariant: Invariant) -> list[Violation]:
        """Return the violations that are still there when their rows are read again."""
        found = self._violations(invariant)
        for _ in range(LOOKS):
            if not found or invariant.reads == ("lost",):
                break
            await asyncio.sleep(PAUSE_SECONDS)
            keys = iter({each.key for each in found})
            while some := list(islice(keys, AGAIN_AT_ONCE)):
                await self._read_again(invariant, some)
            still = {each.key for each in self._violations(invariant)}
            found = [each for each in found if each.key in still]
        return found

    async def _read_again(self, invariant: Invariant, keys: Sequence[str]) -> None:
        for name in invariant.reads:
            for copy in COPIES:
                if copy.name == name and invariant.key in copy.keys:
                    self.snapshot.forget(copy, invariant.key, keys)
                    await self._read([copy], (invariant.key, keys))

    def _violations(self, invariant: Invariant) -> list[Violation]:
        rows = self.snapshot.rows(invariant.sql, parameters(self.now))
        return [
            Violation(str(key), *("" if about is None else str(about) for about in more))
            for key, *more in rows
        ]


async def audit(
    sources: Sources,
    *,
    after_quiescence: bool = False,
    within: float = 60.0,
    journal: Sequence[Line] = (),
) -> Report:
    """Check the invariants that hold at any moment; after_quiescence: all of them.

    after_quiescence: wait until the shop is quiet, for `within` seconds at most; if it is not
    quiet then, the report says what is left to do, and only those of any moment are checked.
    journal: the answers that clients have had.
    Raises SQLAlchemyError and OSError when a database cannot be read.
    """
    began = time.monotonic()
    busy = {}
    if after_quiescence and sources.statuses is not None:
        busy = await busy_after(sources.statuses, within)
    with closing(Snapshot()) as snapshot:
        one = _Audit(
            sources=sources,
            settled=after_quiescence and not busy,
            journal=journal,
            snapshot=snapshot,
        )
        violations = await one.run()
    return Report(
        violations=violations,
        not_checked=one.not_checked,
        busy=busy,
        seconds=time.monotonic() - began,
    )


__all__ = ["Sources", "audit", "text_of"]

"""The use cases of stock. Each reads: load, decide, save, publish."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from roadbike.contracts.audit import BIKE, staff_change
from roadbike.kit.audit_log import note
from roadbike.kit.db import Database, StaleRow, Tx
from roadbike.kit.messaging.catching_up import CatchUp, Ends
from roadbike.kit.messaging.outbox import publish, publish_all
from roadbike.kit.messaging.refused import report_contradiction
from roadbike.kit.pure.conditions import Precondition
from roadbike.stock import behind, domain, store
from roadbike.stock.domain import Allocation, Bike, Cause, ImportRow, RowFault

CLAIMS_AT_ONCE: Final = 500  # answered in one transaction after catching up
# of an import, between statements: the database ends a transaction that is idle for too long
ROWS_AT_ONCE: Final = 1_000

# the catalogue ---------------------------------------------------------------------------


async def register_bike(
    tx: Tx, bike_id: int | None, fields: Mapping[str, Any], *, by: str, why: str | None = None
) -> Bike:
    """Put a new bike on sale, under this number or the next free one. Raises BikeExists.

    by: the user id of the staff member. why: their reason, if they give one.
    """
    while True:
        number = bike_id or await store.next_number(tx)
        bike = Bike(bike_id=number, changed_by=by, changed_at=await tx.now(), **fields)
        if await store.add(tx, bike):
            break
        if bike_id is not None:
            raise domain.BikeExists(bike_id=bike_id)
        # another transaction has just taken the next number: try the one after it
    _record(tx, domain.unknown(bike.bike_id), bike, why)
    return bike


async def edit_bike(
    tx: Tx,
    bike_id: int,
    condition: Precondition,
    changes: Mapping[str, Any],
    *,
    on_sale: bool | None = None,
    by: str,
    why: str | None = None,
) -> Bike:
    """Change the bike, if its version is allowed.

    on_sale: put it back on sale or take it off, if given.

    Raises NotFound, PreconditionFailed, BelowHeld.
    """
    before = await _allowed(tx, bike_id, condition)
    after = domain.edited(before, changes, await tx.now(), on_sale=on_sale)
    return await _replace(tx, before, after, condition, by, why)


async def withdraw_bike(
    tx: Tx, bike_id: int, condition: Precondition, *, by: str, why: str | None = None
) -> None:
    """Take the bike off sale, if its version is allowed. Raises NotFound, PreconditionFailed."""
    before = await _allowed(tx, bike_id, condition)
    after = domain.withdrawn(before, await tx.now())
    await _replace(tx, before, after, condition, by, why)


async def _allowed(tx: Tx, bike_id: int, condition: Precondition) -> Bike:
    bike = await store.get(tx, bike_id, withdrawn=True)
    if not condition.allows(bike.version):
        raise domain.refused_edit(bike, condition)
    return bike


async def _replace(
    tx: Tx, before: Bike, after: Bike, condition: Precondition, by: str, why: str | None
) -> Bike:
    if after == before:
        return before
    changed = replace(after, changed_by=by, changed_at=await tx.now())
    stored = await store.edit(tx, before, changed)
    if stored is None:
        now = await _allowed(tx, before.bike_id, condition)
        if now.version != before.version:
            raise StaleRow("bike: changed meanwhile, and the new version is allowed too")
        raise domain.refused_edit(now, condition)
    _record(tx, before, stored, why)
    return stored


def _record(tx: Tx, before: Bike, after: Bike, why: str | None = None) -> None:
    change = staff_change(
        by=after.changed_by or "",
        kind=BIKE,
        thing=after.bike_id,
        action=domain.action_of(before, after),
        before=before,
        after=after,
        fields=domain.AUDITED,
        why=why,
    )
    note(tx, change)
    store.add_movements(tx, domain.staff_movements(before, after))
    publish(tx, domain.bike_event(before, after, by=after.changed_by))


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportResult:
    """What an import did: numbers of bikes; or, with faults, why it did nothing."""

    new: int
    changed: int
    unchanged: int
    faults: Sequence[RowFault]


async def import_bikes(
    tx: Tx, rows: Sequence[ImportRow], *, by: str, dry_run: bool
) -> ImportResult:
    """Add and change bikes as the rows of a file say: all of them, or none if one is refused.

    by: the user id of the staff member. dry_run: only say what would be done.
    """
    await store.lock_bikes(tx, [row.bike_id for row in rows])
    known = [(row, await store.locked_bike(tx, row.bike_id)) for row in rows]
    faults = [fault for row, bike in known if (fault := domain.row_fault(bike, row))]
    now = await tx.now()
    pairs = [domain.imported(bike, row, now, by) for row, bike in known] if not faults else []
    changes = [(before, after) for before, after in pairs if before != after]
    if not dry_run:
        for number, (before, after) in enumerate(changes, start=1):
            store.save_bike(tx, after)
            _record(tx, before, after)
            if number % ROWS_AT_ONCE == 0:
                await tx.flush()
        await store.save_texts(tx, [after for _, after in changes])
    new = sum(before.version == 0 for before, _ in changes)
    return ImportResult(
        new=new,
        changed=len(changes) - new,
        unchanged=len(pairs) - len(changes),
        faults=faults,
    )


async def refresh_texts(db: Database) -> None:
    """Make the texts that bikes are searched by, where they are missing or outdated."""
    while await db.transact(store.refresh_texts):
        pass


# the units held for reservations ---------------------------------------------------------


async def follow_purchase(tx: Tx, cause: Cause) -> None:
    """Note the event on its purchase's allocation and do what follows from it."""
    allocation = await store.locked_or_new(tx, cause.reservation_id, cause.bike_id)
    noted = domain.noted(allocation, cause)
    if domain.is_contradicted(allocation, cause):
        report_contradiction(tx, cause, f"delivery named bike {allocation.bike_id} before")
    if noted != allocation:  # else the fact was known before, or does not concern stock
        await settle(tx, noted, is_behind=await behind.is_behind(tx))


async def prefetch(tx: Tx, causes: Sequence[Cause]) -> None:
    """Lock the allocations and bikes that a batch of events concerns, in two statements."""
    await behind.is_behind(tx)  # its lock comes first
    await store.lock_all(
        tx, [cause.reservation_id for cause in causes], [cause.bike_id for cause in causes]
    )


async def settle(tx: Tx, allocation: Allocation, *, is_behind: bool = False) -> Allocation:
    """Decide, save, publish. Return the allocation as it is saved."""
    bike = await store.locked_bike(tx, allocation.bike_id) or domain.unknown(allocation.bike_id)
    decision = domain.decide(allocation, bike, behind=is_behind)
    store.save(tx, decision.allocation)
    if decision.bike != bike:
        store.save_bike(tx, decision.bike)
    store.add_movements(tx, decision.movements)
    publish_all(tx, decision.events)
    return decision.allocation


# while stock is behind: claims and cancels are only recorded ------------------------------


async def change_ends(tx: Tx, before: Ends | None, after: Ends) -> None:
    """Note the ends that stock has to reach, unless another replica has noted others."""
    if await behind.locked_ends(tx) == before:
        await behind.save_ends(tx, after)


async def finish_catching_up(tx: Tx, ends: Ends, at_once: int = CLAIMS_AT_ONCE) -> bool:
    """Answer the next claims in the order of reserving; return whether there may be more.

    With the last of them stock is not behind any more. Do nothing when another replica has
    finished, or has noted other ends.
    """
    if await behind.locked_ends(tx) != ends:
        return False
    claims = await behind.next_claims(tx, at_once)
    await answer(tx, [(claim["reservation_id"], claim["bike_id"]) for claim in claims])
    if len(claims) == at_once:
        return True
    await behind.save_ends(tx, None)
    return False


async def answer(tx: Tx, claims: Sequence[tuple[UUID, int]]) -> None:
    """Decide these claims one after the other: those that are alive get the free units.

    claims: the reservation and the bike of each.
    """
    await store.lock_all(tx, [claim for claim, _ in claims], [bike for _, bike in claims])
    for reservation_id, bike_id in claims:
        await settle(tx, await store.locked_or_new(tx, reservation_id, bike_id))


CATCH_UP: Final = CatchUp(ends=behind.ends, change=change_ends, finish=finish_catching_up)

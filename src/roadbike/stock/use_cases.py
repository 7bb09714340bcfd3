"""The use cases of stock. Each reads: load, decide, save, publish."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from roadbike.contracts.audit import BIKE, staff_change
from roadbike.kit.audit_log import note
from roadbike.kit.db import Database, StaleRow, Tx
from roadbike.kit.messaging.outbox import publish, publish_all
from roadbike.kit.messaging.refused import report_contradiction
from roadbike.kit.pure.conditions import Precondition
from roadbike.stock import domain, store
from roadbike.stock.domain import Allocation, Bike, Cause, ImportRow, RowFault

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
        for before, after in changes:
            store.save_bike(tx, after)
            _record(tx, before, after)
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
        await settle(tx, noted)


async def prefetch(tx: Tx, causes: Sequence[Cause]) -> None:
    """Lock the allocations and bikes that a batch of events concerns, in two statements."""
    await store.lock_all(
        tx, [cause.reservation_id for cause in causes], [cause.bike_id for cause in causes]
    )


async def settle(tx: Tx, allocation: Allocation) -> Allocation:
    """Decide, save, publish. Return the allocation as it is saved."""
    bike = await store.locked_bike(tx, allocation.bike_id) or domain.unknown(allocation.bike_id)
    decision = domain.decide(allocation, bike)
    store.save(tx, decision.allocation)
    if decision.bike != bike:
        store.save_bike(tx, decision.bike)
    store.add_movements(tx, decision.movements)
    publish_all(tx, decision.events)
    return decision.allocation

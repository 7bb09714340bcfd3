"""The use cases of delivery. Each reads: load, decide, save, publish."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from roadbike.contracts.accounts import Contact
from roadbike.contracts.audit import DELIVERY, staff_change
from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery import domain, store
from roadbike.delivery.accounts import Accounts, AddressUnavailable
from roadbike.delivery.domain import Cause, Delivery
from roadbike.kit.audit_log import note
from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.outbox import publish_all
from roadbike.kit.messaging.refused import report_contradiction
from roadbike.kit.pure.conditions import Precondition
from roadbike.kit.pure.refusals import PreconditionFailed


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a person asks for; what is None stays as it is.

    to: the parcel's next status. contact: who it goes to, and where. by: the person's user id.
    why: the reason of staff. condition: which row_version it may be a change of.
    """

    by: str
    to: DeliveryStatus | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    contact: Contact = Contact()  # noqa: RUF009 frozen
    why: str | None = None
    condition: Precondition = Precondition()  # noqa: RUF009 frozen


async def follow_purchase(tx: Tx, cause: Cause) -> None:
    """Note the event on its purchase's delivery and do what follows from it.

    A payment or a unit that does not fit the reservation is reported and leads to no parcel.
    """
    delivery = await store.locked_or_new(tx, cause.reservation_id, cause.bike_id)
    noted = domain.noted(delivery, cause)
    known = domain.contradictions(delivery)
    for reason in domain.contradictions(noted):
        if reason not in known:
            report_contradiction(tx, cause, reason)
    if noted != delivery:  # else the fact was known before, or does not concern delivery
        await settle(tx, noted)


async def change_delivery(
    tx: Tx,
    delivery_id: UUID,
    change: Change,
    *,
    owner: str | None = None,
    defaults: Contact = Contact(),  # noqa: B008 frozen
) -> Delivery:
    """Change a delivery of this owner (None: of anybody); what it lacks is taken from `defaults`.

    Raises NotFound, PreconditionFailed, and what domain.corrected, .labelled and .moved raise.
    """
    delivery = await store.locked_or_404(tx, delivery_id, owner=owner)
    if not change.condition.allows(delivery.row_version):
        raise PreconditionFailed
    corrected = domain.completed(domain.corrected(delivery, change.contact), defaults)
    labelled = domain.labelled(corrected, change.carrier, change.tracking_number)
    to = change.to or delivery.delivery_status
    assert to is not None  # no other is served
    moved, events = domain.moved(labelled, to, await tx.now(), by=change.by)
    if moved == delivery:
        return delivery
    saved = _saved(tx, replace(moved, changed_by=change.by))
    if owner is None:
        _note(tx, delivery, saved, change)
    publish_all(tx, events)
    return saved


def _note(tx: Tx, before: Delivery, after: Delivery, change: Change) -> None:
    """Write what staff changed into the audit log, without whom and where the parcel goes to."""
    is_moved = before.delivery_status != after.delivery_status
    entry = staff_change(
        by=change.by,
        kind=DELIVERY,
        thing=after.delivery_id,
        action="moved" if is_moved else "corrected",
        before=before,
        after=after,
        fields=("delivery_status", "carrier", "tracking_number", *domain.CONTACT),
        hidden=domain.CONTACT,
        why=change.why,
    )
    note(tx, entry)


async def ask_and_change(
    db: Database, accounts: Accounts, delivery_id: UUID, change: Change, *, owner: str | None
) -> Delivery:
    """Change a delivery; when it is to start and lacks a contact, ask account first.

    Raises what change_delivery raises, and AddressUnavailable.
    """
    contact = Contact()
    if change.to is DeliveryStatus.STARTED:
        async with db.read() as tx:
            delivery = await store.get(tx, delivery_id, owner=owner)
        if _needs_account(domain.completed(delivery, change.contact)):
            contact = await accounts.contact(delivery.user_id or "")
    return await db.transact(
        lambda tx: change_delivery(tx, delivery_id, change, owner=owner, defaults=contact)
    )


async def complete(
    db: Database, accounts: Accounts, deliveries: Sequence[Delivery]
) -> list[Delivery]:
    """Return the deliveries, with what they lack taken from their buyers' accounts and saved.

    While account is unavailable they stay as they are.
    """
    lacking = [one for one in deliveries if domain.lacks_contact(one)]
    contacts = await _contacts(accounts, {one.user_id or "" for one in lacking})
    known = [one for one in lacking if domain.completed(one, contacts[one.user_id or ""]) != one]
    if not known:
        return list(deliveries)
    completed = await db.transact(lambda tx: _complete(tx, known, contacts))
    return [completed.get(one.delivery_id, one) for one in deliveries]


async def prefetch(tx: Tx, causes: Sequence[Cause]) -> None:
    """Lock the deliveries that a batch of events concerns, in one statement."""
    await store.lock_all(tx, [cause.reservation_id for cause in causes])


async def settle(tx: Tx, delivery: Delivery) -> Delivery:
    """Decide, save, publish. Return the delivery as it is saved."""
    decided, events = domain.decide(delivery)
    if delivery.delivery_status is None and decided.delivery_status is not None:
        decided = replace(decided, prepared_at=await tx.now())
    store.save(tx, decided)
    publish_all(tx, events)
    return decided


async def _contacts(accounts: Accounts, user_ids: Iterable[str]) -> Mapping[str, Contact]:
    """Return what account knows of each user; nothing of those that it does not answer for."""
    wanted = sorted(user_ids)
    asked = [accounts.contact(user_id) for user_id in wanted]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    contacts = {}
    for user_id, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, BaseException) and not isinstance(answer, AddressUnavailable):
            raise answer
        contacts[user_id] = answer if isinstance(answer, Contact) else Contact()
    return contacts


async def _complete(
    tx: Tx, lacking: Sequence[Delivery], contacts: Mapping[str, Contact]
) -> Mapping[UUID, Delivery]:
    await store.lock_all(tx, [one.reservation_id for one in lacking])
    saved = {}
    for one in lacking:
        locked = await store.locked_or_404(tx, one.delivery_id, owner=None)
        completed = domain.completed(locked, contacts[locked.user_id or ""])
        saved[one.delivery_id] = locked if completed == locked else _saved(tx, completed)
    return saved


def _saved(tx: Tx, delivery: Delivery) -> Delivery:
    """Save the delivery; return it as the next reader loads it."""
    store.save(tx, delivery)
    return replace(delivery, row_version=delivery.row_version + 1)


def _needs_account(delivery: Delivery) -> bool:
    return delivery.is_allocated and domain.lacks_contact(delivery)

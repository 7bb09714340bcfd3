"""What staff change, as every service's audit log names it."""

from collections.abc import Collection, Iterable
from typing import Annotated, Any, Final

from msgspec import Meta

from roadbike.contracts.wire_names import wire_name
from roadbike.kit.audit_log import MAX_WHY, StaffChange, differences
from roadbike.kit.pure.texts import LINE

Why = Annotated[str, Meta(max_length=MAX_WHY), LINE]  # a reason that staff give

BIKE: Final = "bike"
RESERVATION: Final = "reservation"
PAYMENT: Final = "payment"
DELIVERY: Final = "delivery"
ACCOUNT: Final = "account"


def staff_change(  # noqa: PLR0913 one keyword for each fact
    *,
    by: str,
    kind: str,
    thing: object,
    action: str,
    before: object,
    after: object,
    fields: Iterable[str],
    hidden: Collection[str] = (),
    why: str | None = None,
) -> StaffChange:
    """Return what changed in these attributes of a thing, under their names on the wire.

    thing: its id. hidden: attributes that hold personal data.
    """
    old, new = differences(before, after, fields, hidden)
    return StaffChange(
        by=by,
        kind=kind,
        thing=str(thing),
        action=action,
        before=_on_the_wire(old),
        after=_on_the_wire(new),
        why=why,
    )


def _on_the_wire(values: dict[str, Any]) -> dict[str, Any]:
    return {wire_name(name): value for name, value in values.items()}

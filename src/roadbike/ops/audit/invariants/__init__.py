"""The 28 invariants of the shop, each as SQL that returns the keys of what violates it.

R: reservations and their payments. P: money. D: deliveries. S: stock. E: events. M: my page.
H: what clients were answered. A: accounts.
"""

from typing import Final

from roadbike.ops.audit.invariants.events import EVENTS
from roadbike.ops.audit.invariants.invariant import Invariant
from roadbike.ops.audit.invariants.journal import JOURNAL
from roadbike.ops.audit.invariants.pages import PAGES
from roadbike.ops.audit.invariants.purchases import PURCHASES
from roadbike.ops.audit.invariants.units import UNITS

INVARIANTS: Final[tuple[Invariant, ...]] = (*PURCHASES, *UNITS, *EVENTS, *PAGES, *JOURNAL)
IDS: Final = tuple(dict.fromkeys(each.id for each in INVARIANTS))

__all__ = ["IDS", "INVARIANTS", "Invariant"]

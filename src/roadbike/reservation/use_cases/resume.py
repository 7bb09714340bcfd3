"""Find out what the earlier request with the same idempotency key came to."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from roadbike.kit import idempotency
from roadbike.kit.db import Tx
from roadbike.kit.idempotency import EarlierRequest, InProgress, Key, KeyReused
from roadbike.reservation import store
from roadbike.reservation.domain import Reservation
from roadbike.reservation.use_cases.steps import RETRY_SECONDS, Receipt

CONTINUE_AFTER: Final = timedelta(seconds=1)  # a younger one still has its own request running

Resumed = Reservation | Receipt | None
"""How a request with an idempotency key goes on.

Reservation: an earlier request left it pending; continue with it, under the same id.
Receipt: an earlier request was answered; give the same answer again.
None: it is the first request, or the earlier one's reservation was cancelled; make a new one.
"""


async def resume(tx: Tx, keys: Sequence[Key]) -> list[Resumed | Exception]:
    """Return how the request with each key goes on, in order.

    The exceptions are InProgress (the earlier request may still be running) and KeyReused.
    """
    found = await idempotency.earlier_requests(tx, store.KEY, keys)
    return [await _resumed(tx, earlier) for earlier in found]


async def _resumed(tx: Tx, earlier: EarlierRequest | KeyReused | None) -> Resumed | Exception:
    if earlier is None or isinstance(earlier, KeyReused):
        return earlier
    if earlier.response is not None:
        return Receipt(earlier.result_id, earlier.response)
    if earlier.age < CONTINUE_AFTER:
        return InProgress(retry_after=RETRY_SECONDS)
    return await store.pending(tx, earlier.result_id)

"""The runs that are recorded: together they make every event happen and call every policy."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

from roadbike.contracts.events import PaymentCancelled
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus, ReservationStatus
from tools.docs.stage import Reply, Stage, open_stage, templates
from tools.docs.steps import Step

BIKE: Final = {"bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 3}
RECIPIENT: Final = {
    "userNm": "김구매",
    "telNo": "010-1234-5678",
    "zipCd": "13561",
    "addrNm": "성남시",
}
LATER: Final = timedelta(hours=1)  # an unpaid payment has expired by then
TRIES: Final = 5


class Interrupted(Exception):
    """The shop gave another answer than the tour needs: this machine was too busy."""


@dataclass(frozen=True, slots=True)
class Tour:
    """What was recorded. steps: of all runs; the others: of the purchases that are drawn."""

    steps: Sequence[Step]
    reserve: Sequence[Step]
    pay: Sequence[Step]
    cancel: Sequence[Step]


def record() -> Tour:
    """Run the shop and record it; tried again when a busy machine made it refuse a reservation."""
    for left in reversed(range(TRIES)):
        try:
            return asyncio.run(_record())
        except Interrupted:
            if not left:
                raise
    raise AssertionError(TRIES)


async def _record() -> Tour:
    with TemporaryDirectory() as name:
        folder = Path(name)
        databases = await templates(folder)
        async with open_stage(folder, databases, ROADBIKE_OVERBOOK="1") as stage:
            drawn = await _tour(stage)
            return Tour(stage.recorder.steps, *drawn)


async def _tour(stage: Stage) -> Sequence[Sequence[Step]]:
    await _keep_catalogue(stage)
    with stage.recorder.recorded() as reserve:
        reserved = await _reserve(stage)
    with stage.recorder.recorded() as pay:
        await _pay(stage, reserved)
    with stage.recorder.recorded() as cancel:
        await _expect(200, stage.ask("buyer", "DELETE", f"/reservations/{reserved}"))
        await stage.recorder.wake("payment")
    await _cancel_unpaid(stage)
    await _decline(stage)
    await _deliver_and_take_back(stage)
    await _cancel_too_quickly(stage)
    await _sell_too_many(stage)
    await _fail_to_open(stage)
    await _refund_at_the_provider(stage)
    await _pay(stage, await _reserve(stage), "unknown-captured", 202)
    await _reserve(stage)  # nobody pays it
    stage.pass_time(LATER)
    await stage.recorder.wake("reservation", "payment")
    return reserve, pay, cancel


async def _keep_catalogue(stage: Stage) -> None:
    await _add_bike(stage, 1)
    await _add_bike(stage, 2)
    for method, body in [("PUT", BIKE | {"price": 1}), ("PATCH", {"price": 2}), ("DELETE", None)]:
        tag = (await stage.ask("staff", "GET", "/stocks/2")).headers["ETag"]
        await stage.ask("staff", method, "/stocks/2", body, If_Match=tag)


async def _cancel_unpaid(stage: Stage) -> None:
    reserved = await _reserve(stage)
    body = {"reserveStatus": ReservationStatus.CANCELLED}
    await _expect(200, stage.ask("buyer", "PATCH", f"/reservations/{reserved}", body))


async def _decline(stage: Stage) -> None:
    reserved = await _reserve(stage)
    await _pay(stage, reserved, "decline", 402)
    await _expect(200, stage.ask("buyer", "DELETE", f"/reservations/{reserved}"))


async def _deliver_and_take_back(stage: Stage) -> None:
    reserved = await _reserve(stage)
    await _pay(stage, reserved)
    for status in (
        DeliveryStatus.STARTED,
        DeliveryStatus.COMPLETED,
        DeliveryStatus.RECALLING,
        DeliveryStatus.RETURNED,
    ):
        await _move(stage, reserved, status)
    await stage.recorder.wake("payment")


async def _cancel_too_quickly(stage: Stage) -> None:
    """The bike has left, and reservation does not know it yet."""
    reserved = await _reserve(stage)
    await _pay(stage, reserved)
    await _move(stage, reserved, DeliveryStatus.STARTED, hold=True)
    await _expect(200, stage.ask("buyer", "DELETE", f"/reservations/{reserved}"))
    await stage.recorder.wake("payment")


async def _sell_too_many(stage: Stage) -> None:
    """One unit more than there are, as the setting OVERBOOK allows."""
    await _add_bike(stage, 3, units=1)
    await _reserve(stage, 3)
    await _reserve(stage, 3)


async def _fail_to_open(stage: Stage) -> None:
    """Payment refuses a call; and the answer to another call is lost."""
    stage.refuse_calls = True
    await _expect(503, _asked_for(stage))
    stage.refuse_calls, stage.lose_answers = False, True
    await _expect(503, _asked_for(stage))
    stage.lose_answers = False


async def _refund_at_the_provider(stage: Stage) -> None:
    """A paid purchase whose money the provider gave back without being asked by the shop."""
    reserved = await _reserve(stage)
    await _pay(stage, reserved)
    payment = await _payment_of(stage, reserved)
    event = PaymentCancelled(
        reservation_id=UUID(reserved),
        bike_id=payment["bikeId"],
        payment_id=UUID(payment["payId"]),
        user_id=payment["userId"],
        price=payment["price"],
        payment_status=PaymentStatus.CANCELLED,
        reason=Reason.PAYMENT_CANCELLED,
    )
    await stage.recorder.inject("payment", event, "refund at the provider")


async def _add_bike(stage: Stage, bike_id: int, units: int = 3) -> None:
    bike = BIKE | {"bikeId": bike_id, "stockQty": units}
    await _expect(201, stage.ask("staff", "POST", "/stocks", bike))


async def _asked_for(stage: Stage, bike_id: int = 1) -> Reply:
    return await stage.ask("buyer", "POST", "/reservations", {"bikeId": bike_id, **RECIPIENT})


async def _reserve(stage: Stage, bike_id: int = 1) -> str:
    reply = await _expect(201, _asked_for(stage, bike_id))
    return str(reply.body["reserveId"])


async def _pay(stage: Stage, reserved: str, simulate: str = "approve", status: int = 200) -> None:
    payment = await _payment_of(stage, reserved)
    body, path = {"payStatus": PaymentStatus.PAID}, f"/payments/{payment['payId']}"
    await _expect(status, stage.ask("buyer", "PATCH", path, body, X_Simulate=simulate))


async def _move(stage: Stage, reserved: str, to: DeliveryStatus, *, hold: bool = False) -> None:
    path, body = await _delivery_of(stage, reserved), {"deliveryStatus": to}
    await _expect(200, stage.ask("staff", "PATCH", path, body, hold=hold))


async def _delivery_of(stage: Stage, reserved: str) -> str:
    """Return the path of the reservation's delivery."""
    found = await stage.ask("staff", "GET", f"/deliveries?reserveId={reserved}")
    return f"/deliveries/{found.body['_embedded']['deliveries'][0]['deliveryId']}"


async def _payment_of(stage: Stage, reserved: str) -> Mapping[str, Any]:
    found = await stage.ask("buyer", "GET", f"/payments?reserveId={reserved}")
    payment: Mapping[str, Any] = found.body["_embedded"]["payments"][0]
    return payment


async def _expect(status: int, asking: Awaitable[Reply]) -> Reply:
    reply = await asking
    if reply.status != status:
        raise Interrupted(f"{status} expected, not {reply.status}: {reply.body}")
    return reply

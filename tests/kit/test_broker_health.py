"""What is wrong with the broker of a service, and whether the service is ready with it."""

import pytest

from roadbike.kit.messaging.broker import BrokerUnavailable
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.process.broker import BrokerHealth

MADE = {"bike.stock": ("reservation",), "bike.payment": ()}


class OddBroker(MemoryBroker):
    """A broker whose settings are unsafe, or that refuses its client."""

    unsafe: tuple[str, ...] = ()
    why = ""

    @property
    def fault(self) -> str:
        return self.why

    @property
    def refuses(self) -> bool:
        return bool(self.why)

    async def weaknesses(self, topic: str) -> list[str]:
        return [f"{each} of {topic}" for each in self.unsafe]


@pytest.fixture
async def broker() -> OddBroker:
    broker = OddBroker(MemoryLog())
    await broker.set_up(MADE)
    return broker


async def test_a_sound_broker_has_no_faults(broker: OddBroker) -> None:
    health = BrokerHealth(broker, ["bike.stock"], ["bike.payment"])

    await health.look()

    assert (health.faults, health.weaknesses, health.refuses) == ([], [], False)


async def test_settings_are_looked_at_of_the_topics_that_the_service_publishes_to(
    broker: OddBroker,
) -> None:
    broker.unsafe = ("min.insync.replicas",)
    health = BrokerHealth(broker, ["bike.stock"], ["bike.payment"])

    await health.look()

    assert health.faults == ["min.insync.replicas of bike.stock"] == health.weaknesses


async def test_topics_that_it_publishes_to_or_consumes_are_missed(broker: OddBroker) -> None:
    health = BrokerHealth(broker, ["bike.delivery"], ["bike.reservation", "bike.stock"])

    await health.look()

    assert health.faults == [
        "the broker has no topic bike.delivery: `roadbike set-up-broker` makes it",
        "the broker has no topic bike.reservation: `roadbike set-up-broker` makes it",
    ]
    assert health.weaknesses == []
    await broker.set_up({"bike.delivery": (), "bike.reservation": ()})
    await health.look()
    assert health.faults == []


async def test_what_was_found_stays_while_the_broker_is_unavailable(broker: OddBroker) -> None:
    broker.unsafe = ("min.insync.replicas",)
    health = BrokerHealth(broker, ["bike.stock"], [])
    await health.look()

    broker.log.unavailable = True
    broker.why = "refused (ROADBIKE_BROKER_URL)"
    with pytest.raises(BrokerUnavailable):
        await health.look()

    assert health.refuses
    assert health.faults == [
        "broker: refused (ROADBIKE_BROKER_URL)",
        "min.insync.replicas of bike.stock",
    ]

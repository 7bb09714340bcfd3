"""The low-water mark of a partition: what may be committed after acknowledgements in any order."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from roadbike.kit.messaging.broker import Message, Received
from roadbike.kit.messaging.broker.kafka.window import MAX_OPEN, Window, last_acknowledged

NOW = 100.0
ACK_WAIT = 5.0


def received(offset: int) -> Received:
    message = Message(
        event_id=UUID(int=offset),
        type="test.Counted.v1",
        source="tests",
        topic="test.counters",
        key="a",
        time=datetime.now(UTC),
        traceparent=None,
        data=b"{}",
    )
    return Received(message=message, position=offset + 1, deliveries=1, handle=None)


@pytest.fixture
def window() -> Window:
    """With messages at the offsets 7, 8, 9 and 12; the others are marks of transactions."""
    window = Window(ACK_WAIT)
    for offset in (7, 8, 9, 12):
        window.deliver(received(offset), NOW)
    return window


def test_nothing_is_committed_before_the_first_message_is_acknowledged(window: Window) -> None:
    window.ack(9)
    window.ack(10)

    assert window.to_commit == (7, "")


def test_the_mark_moves_over_what_was_acknowledged_before(window: Window) -> None:
    for position in (9, 10, 8):
        window.ack(position)

    assert window.to_commit == (12, f"9 {UUID(int=9)}")
    assert window.unacknowledged == 1


def test_when_all_is_acknowledged_the_mark_is_where_the_next_fetch_begins(window: Window) -> None:
    for position in (8, 9, 10, 13):
        window.ack(position)
    window.advance(14)

    assert window.to_commit == (14, f"12 {UUID(int=12)}")


def test_what_is_committed_is_not_committed_again(window: Window) -> None:
    window.ack(8)
    window.committed = 8

    assert window.to_commit is None


def test_a_message_is_due_again_after_the_wait(window: Window) -> None:
    window.ack(9)

    assert list(window.due(NOW + 4.9)) == []
    assert [(r.position, r.deliveries) for r in window.due(NOW + 5)] == [(8, 2), (10, 2), (13, 2)]


def test_no_more_is_fetched_while_a_returned_message_waits(window: Window) -> None:
    window.nak(9, NOW + 1)

    assert not window.takes_more
    assert [r.position for r in window.due(NOW + 1)] == [9]
    assert window.takes_more


def test_no_more_is_fetched_while_too_much_is_unacknowledged() -> None:
    window = Window(ACK_WAIT)
    for offset in range(MAX_OPEN):
        window.deliver(received(offset), NOW)

    assert not window.takes_more
    window.ack(1)
    assert window.takes_more


@pytest.mark.parametrize(
    ("note", "read"),
    [(f"9 {UUID(int=9)}", (9, UUID(int=9))), ("", None), ("9", None), ("of another client", None)],
)
def test_a_note_of_another_client_is_no_reason_to_begin_again(
    note: str, read: tuple[int, UUID] | None
) -> None:
    assert last_acknowledged(note) == read

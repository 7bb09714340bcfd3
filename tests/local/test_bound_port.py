"""A port that is bound and does not listen: refused at once, and nobody else can take it."""

import socket
import time
from collections.abc import Iterator

import pytest

from roadbike.local.errors import CommandError
from roadbike.local.supervisor.bound_port import BoundPort
from tests.local.other_user import listen, needs_root, squats

REFUSED_WITHIN_SECONDS = 0.1


@pytest.fixture
def port() -> Iterator[BoundPort]:
    made = BoundPort(0)
    yield made
    made.close()


def is_refused_at_once(port: int) -> bool:
    began = time.monotonic()
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return time.monotonic() - began < REFUSED_WITHIN_SECONDS
    return False


def is_accepted(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return True


def test_a_connection_is_refused_at_once(port: BoundPort) -> None:
    assert is_refused_at_once(port.number)


def test_a_part_listens_on_its_own_socket_and_the_port_refuses_after_its_end(
    port: BoundPort,
) -> None:
    with port.listener() as listener:
        refused_before = is_refused_at_once(port.number)
        listener.listen()
        accepted = is_accepted(port.number)

    assert refused_before
    assert accepted
    assert is_refused_at_once(port.number)


@needs_root
def test_no_other_user_can_take_the_port_before_while_and_after_the_part_listens(
    port: BoundPort,
) -> None:
    before = squats(port.number)
    with port.listener() as listener:
        bound = squats(port.number)
        listener.listen()
        listening = squats(port.number)
    after = squats(port.number)

    assert {*before, *bound, *listening, *after} == {"EADDRINUSE"}


@needs_root
def test_a_program_can_bind_the_port_itself_only_while_it_is_unlocked(port: BoundPort) -> None:
    port.unlock()
    with listen(port.number, (socket.SO_REUSEADDR,)):
        port.lock()
        accepted, listening = is_accepted(port.number), squats(port.number)
    after = squats(port.number)

    assert accepted
    assert {*listening, *after} == {"EADDRINUSE"}
    assert is_refused_at_once(port.number)


def test_a_port_can_be_bound_again_right_after_its_connections_were_closed() -> None:
    first = BoundPort(0)
    with first.listener() as listener:
        listener.listen()
        client = socket.create_connection(("127.0.0.1", first.number))
        listener.accept()[0].close()  # the side that closes first keeps the address for a minute
        client.close()
    first.close()

    again = BoundPort(first.number)
    again.close()

    assert again.number == first.number


def test_where_sockets_cannot_share_a_port_it_is_released_for_the_program() -> None:
    port = BoundPort(0, can_share=False)
    port.unlock()
    with listen(port.number):
        port.lock()  # it cannot be bound yet
        accepted = is_accepted(port.number)
    port.lock()

    assert accepted
    with pytest.raises(OSError, match="in use"):
        listen(port.number, (socket.SO_REUSEADDR,))
    port.close()


def test_a_taken_port_is_reported_in_one_sentence() -> None:
    with listen(0) as other, pytest.raises(CommandError, match=r"is taken by \S+"):
        BoundPort(other.getsockname()[1])

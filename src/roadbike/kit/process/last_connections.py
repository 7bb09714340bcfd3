"""Stop listening without cutting the connections that the kernel has accepted and we have not.

Closing a listening socket resets the connections in its queue, whose clients may have sent a
request already. So first a filter (Linux) drops new connections, whose clients then repeat their
attempt and are refused; the queue is emptied; only then the socket may be closed.
"""

import asyncio
import ctypes
import select
import socket
import sys
from collections.abc import Iterable
from typing import Final

SO_ATTACH_FILTER: Final = 26  # of Linux; Python has no name for it
CAN_FILTER: Final = sys.platform == "linux"
# Classic BPF, (code, jump if true, jump if false, value) on the TCP header: drop a packet with SYN
# and without ACK, and let all others pass.
DROP_NEW: Final = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x54, 0, 0, 0x12),  # keep ACK and SYN
    (0x15, 0, 1, 0x02),  # only SYN?
    (0x06, 0, 0, 0),  # then drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # else pass all of it
)


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


async def accept_last(listening: Iterable[int]) -> None:
    """Let no new connection in, and return when the event loop has accepted those that wait.

    listening: file descriptors of sockets on which this event loop accepts connections.
    """
    poll = select.poll()
    for descriptor in listening:
        if CAN_FILTER:
            _drop_new_connections(descriptor)
        poll.register(descriptor, select.POLLIN)
    while CAN_FILTER and poll.poll(0):  # noqa: ASYNC110 only the kernel knows
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # asyncio attaches a connection one step after it has accepted it


def _drop_new_connections(descriptor: int) -> None:
    instructions = (_Instruction * len(DROP_NEW))(*(_Instruction(*each) for each in DROP_NEW))
    program = _Program(len(DROP_NEW), instructions)
    with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as same:
        same.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))

"""Another user of the machine (nobody), played by a forked process; only root can start one."""

import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import pytest

NOBODY: Final = 65534
OPTIONS: Final = ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,))
ADDRESSES: Final = (
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET, "0.0.0.0"),  # noqa: S104  it must be refused
    (socket.AF_INET6, "::"),
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


def as_nobody(act: Callable[[], object]) -> str:
    """Return "done", or the name of the error number with which it failed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, _outcome(act).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as pipe:
        return pipe.read()


def _outcome(act: Callable[[], object]) -> str:
    try:
        become_nobody()
        act()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def become_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def squats(port: int) -> list[str]:
    """Return the outcomes of every way in which nobody can try to listen on the port."""
    return [
        as_nobody(lambda o=options, a=address: listen(port, o, a))  # type: ignore[misc]
        for options in OPTIONS
        for address in ADDRESSES
    ]


def listen(
    port: int,
    options: Sequence[int] = (),
    address: tuple[socket.AddressFamily, str] = ADDRESSES[0],
) -> socket.socket:
    family, host = address
    made = socket.socket(family)
    try:
        for option in options:
            made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind((host, port))
        made.listen()
    except OSError:
        made.close()
        raise
    return made


@contextmanager
def persistent_squatter(ports: Sequence[int]) -> Iterator[Callable[[], bytes]]:
    """Let nobody try to listen on these ports, again and again.

    Yields a function that ends it and returns what it got: a byte for each port taken.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        become_nobody()
        _squat_for_ever(ports, writer)
    os.close(writer)

    def taken() -> bytes:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with os.fdopen(reader, "rb") as pipe:
            return pipe.read()

    yield taken


def _squat_for_ever(ports: Sequence[int], writer: int) -> None:
    kept = []
    while True:
        for port in ports:
            for options in OPTIONS:
                try:
                    kept.append(listen(port, options))
                except OSError:
                    continue
                os.write(writer, b"x")

"""A port that the supervisor keeps bound, so that no other user of the machine can take it.

On Linux a port with a bound socket that does not listen refuses connections at once. Another
socket can be bound to the same port only if both have SO_REUSEPORT and were made by the same
user, or if both have SO_REUSEADDR, also when different users made them.
"""

import socket
import sys
from typing import Final

from roadbike.local.ports import HOST, taken

CAN_SHARE: Final = sys.platform == "linux"  # elsewhere SO_REUSEADDR does not let two sockets bind


class BoundPort:
    """The port of one part, bound from the start of the supervisor to its end.

    It never listens: the kernel refuses connections while the part does not run.
    can_share: whether the kernel lets another socket bind the port beside this one.
    Raises CommandError when the port is taken.
    """

    def __init__(self, port: int, *, can_share: bool = CAN_SHARE) -> None:
        self._can_share = can_share
        try:
            self._socket: socket.socket | None = _bound(port)
        except OSError:
            raise taken(port) from None
        self.number: int = self._socket.getsockname()[1]
        self.lock()

    def listener(self) -> socket.socket:
        """Return a new socket, bound to the port, on which the part is to listen.

        It has to be given to the part and closed here: it would listen after the part's end.
        """
        return _bound(self.number)

    def unlock(self) -> None:
        """Let a program bind the port that makes its socket itself.

        Until `lock`, a program of any user of this machine can bind it.
        """
        if self._socket is not None and self._can_share:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            self.close()

    def lock(self) -> None:
        """Let nobody else bind the port; a program that listens on it already goes on."""
        if self._socket is None:
            try:
                self._socket = _bound(self.number)
            except OSError:
                return  # the part has it
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    def close(self) -> None:
        """Give the port up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _bound(port: int) -> socket.socket:
    """Return a bound socket. With SO_REUSEADDR, connections that were just closed do not matter."""
    made = socket.socket()
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((HOST, port))
    except OSError:
        made.close()
        raise
    return made

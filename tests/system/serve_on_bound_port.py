"""Run one service on a port that the supervisor keeps bound: `serve_on_bound_port.py SERVICE`."""

import os
import socket
import sys

from roadbike.serve import serve


def main(service: str) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as the supervisor's has
        listener.bind((os.environ["ROADBIKE_HOST"], int(os.environ["ROADBIKE_PORT"])))
        serve(f"roadbike.{service}.app", os.environ, listener)


if __name__ == "__main__":
    main(sys.argv[1])

"""Runs one server (PostgreSQL, NATS, Traefik) and stops it when whoever started this goes away.

Started as a script without the site packages, so that it stays small: standard library only.
Usage: warden.py SIGNAL UID GID PROGRAM [ARGUMENT...]; UID -1 keeps the user. The server's process
id is the one line written to standard output. Standard input is held open by the supervisor: its
end, which also comes when the supervisor is killed, is the order to stop.
"""

import contextlib
import os
import signal
import sys
import threading
import time

PATIENCE = 3.0  # seconds between the order to stop and the end by force


def main(stop: int, uid: int, gid: int, command: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the supervisor's to handle
    server = os.fork()
    if server == 0:
        become(uid, gid, command)
    sys.stdout.write(f"{server}\n")
    sys.stdout.flush()
    threading.Thread(target=stop_when_left, args=(server, stop), daemon=True).start()
    _, status = os.waitpid(server, 0)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code  # as a shell tells of a signal


def become(uid: int, gid: int, command: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.setsid()
        os.dup2(2, 1)  # what the server prints belongs into its log
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        if uid != -1:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        os.chdir("/")
        os.execv(command[0], command)  # noqa: S606  no shell is wanted
    except OSError as problem:
        os.write(2, f"{command[0]}: {problem.strerror}\n".encode())
    os._exit(127)


def stop_when_left(server: int, stop: int) -> None:
    while os.read(0, 1):
        pass
    with contextlib.suppress(ProcessLookupError):
        os.kill(server, stop)
        time.sleep(PATIENCE)
        os.kill(server, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))

"""Runs one server (PostgreSQL, NATS, Traefik) and stops it when the supervisor has ended.

It is started as a script without the site packages, to stay small: standard library only.
Usage: warden.py SIGNAL UID GID FD NAME PROGRAM [ARGUMENT...]
UID -1 means: do not change the user. FD is a bound socket that the server takes over under that
NAME, by the protocol of systemd (LISTEN_FDS); FD -1 means: there is none.
It writes one line to standard output: the server's process id. The supervisor holds the other end
of standard input open. When that end is closed, which also happens when the supervisor is killed,
the warden sends SIGNAL to the server, and SIGKILL if that does not stop it.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time

KILL_AFTER_SECONDS = 3.0  # after the stop signal
FIRST_PASSED = 3  # the number of the first descriptor that is passed on (sd_listen_fds(3))
BACKLOG = 2048  # connections that wait until the server has started
PRIVATE = 0o077  # umask: no file is open to others


def main(stop: int, uid: int, gid: int, listener: int, name: str, command: list[str]) -> int:
    os.umask(PRIVATE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor only
    server = os.fork()
    if server == 0:
        run_server(uid, gid, listener, name, command)
    if listener != -1:
        os.close(listener)  # or the port would stay open after the server's end
    sys.stdout.write(f"{server}\n")
    sys.stdout.flush()
    threading.Thread(target=stop_with_supervisor, args=(server, stop), daemon=True).start()
    _, status = os.waitpid(server, 0)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code  # as a shell reports a signal


def run_server(uid: int, gid: int, listener: int, name: str, command: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.setsid()
        os.dup2(2, 1)  # standard error is the server's log
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        if listener != -1:
            pass_on(listener, name)
        if uid != -1:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        os.chdir("/")
        os.execv(command[0], command)  # noqa: S606  without a shell
    except OSError as problem:
        os.write(2, f"{command[0]}: {problem.strerror}\n".encode())
    os._exit(127)


def pass_on(listener: int, name: str) -> None:
    with socket.socket(fileno=os.dup(listener)) as bound:
        bound.listen(BACKLOG)
    if listener != FIRST_PASSED:
        os.dup2(listener, FIRST_PASSED)
        os.close(listener)
    os.environ |= {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": "1",
        "LISTEN_FDNAMES": name,
    }


def stop_with_supervisor(server: int, stop: int) -> None:
    while os.read(0, 1):
        pass
    with contextlib.suppress(ProcessLookupError):
        os.kill(server, stop)
        time.sleep(KILL_AFTER_SECONDS)
        os.kill(server, signal.SIGKILL)


if __name__ == "__main__":
    signal_, uid_, gid_, listener_ = map(int, sys.argv[1:5])
    sys.exit(main(signal_, uid_, gid_, listener_, sys.argv[5], sys.argv[6:]))

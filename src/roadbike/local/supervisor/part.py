"""The description of a part: how it runs, when it is ready, which parts it needs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A function of this project to call in a process of its own.

    It is named by a string, so that only that process imports its module. As what a part runs, it
    is also given `listener`: the socket that it is to listen on.
    user: user and group id to run as; None for those of the supervisor.
    """

    function: str  # "package.module:name"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    user: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A third-party program, run under a warden.

    user: user and group id to run as; None for those of the supervisor.
    stop: the signal that makes it stop.
    socket_name: the name under which it takes the socket that it is to listen on, by the protocol
    of systemd (LISTEN_FDS); empty if it binds its port itself.
    """

    program: Path
    arguments: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    user: tuple[int, int] | None = None
    stop: Signals = SIGTERM
    socket_name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One process that the supervisor keeps running.

    is_live: whether it answers at all, also when it is not ready; None: nobody looks.
    hang_seconds: without an answer, after which it is killed and started again; 0: never.
    needs: the parts that must be ready before this one starts.
    prepare: runs once in a process of its own, before the first start.
    prepare_each: runs in a thread before every start.
    finish: runs once in a process of its own, after the first start and before the part is ready.
    """

    name: str
    port: int
    runs: Call | Server
    is_ready: Callable[[], Awaitable[bool]]
    is_live: Callable[[], Awaitable[bool]] | None = None
    hang_seconds: float = 0.0
    needs: tuple[str, ...] = ()
    prepare: Call | None = None
    prepare_each: Callable[[], None] | None = None
    finish: Call | None = None

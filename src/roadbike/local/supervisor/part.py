"""What a part of the shop is: how it runs, when it is ready, what it waits for."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A function of ours, named so that only the process that runs it pays for its imports."""

    function: str  # "package.module:name"
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """Somebody else's program, run under a warden."""

    program: Path
    arguments: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    user: tuple[int, int] | None = None  # user and group id, when not our own
    stop: Signals = SIGTERM


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    name: str
    port: int
    runs: Call | Server
    is_ready: Callable[[], Awaitable[bool]]
    needs: tuple[str, ...] = ()  # ready before this one starts
    prepare: Call | None = None  # in a process of its own, before its first start
    prepare_each: Callable[[], None] | None = None  # in a thread, before each start
    finish: Call | None = None  # in a process of its own, before it counts as ready at first

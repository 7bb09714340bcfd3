"""What the processes of a part use: the program, its children and its warden together."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psutil

from roadbike.local.supervisor import warden

MEASURE_SECONDS: Final = 0.2  # over which the use of the CPU is measured


@dataclass(frozen=True, slots=True)
class Usage:
    """What all processes of a part use together.

    memory_mb: memory that is shared with others counts in proportion (Linux).
    cpu_percent: of one CPU.
    """

    processes: int
    memory_mb: float
    cpu_percent: float


def of_parts(pids: Mapping[str, int | None]) -> dict[str, Usage]:
    """Return what each part uses, by name, from the ids of their main processes.

    A part without a process has none.
    """
    found = {name: processes(pid) for name, pid in pids.items() if pid}
    before, began = {name: _cpu_seconds(each) for name, each in found.items()}, time.monotonic()
    memory = {name: _memory_mb(each) for name, each in found.items()}
    time.sleep(max(0.0, MEASURE_SECONDS - (time.monotonic() - began)))
    passed = time.monotonic() - began
    used = {name: _cpu_seconds(each) - before[name] for name, each in found.items()}
    return {
        name: Usage(len(each), memory[name], round(100 * max(0.0, used[name]) / passed, 1))
        for name, each in found.items()
        if each
    }


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the seconds of CPU that each part has used since its processes started."""
    return {name: _cpu_seconds(processes(pid)) for name, pid in pids.items()}


def processes(pid: int) -> list[psutil.Process]:
    """Return the process, its warden if it has one, and all its descendants."""
    try:
        main = psutil.Process(pid)
        parent = main.parent()
        with_warden = [parent] if parent and str(warden.__file__) in parent.cmdline() else []
        return [*with_warden, main, *main.children(recursive=True)]
    except psutil.Error:
        return []


def _cpu_seconds(of: Sequence[psutil.Process]) -> float:
    return sum(_cpu(each) for each in of)


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:  # it has ended
        return 0.0
    return float(times.user + times.system)


def _memory_mb(of: Sequence[psutil.Process]) -> float:
    return round(sum(_memory(each) for each in of) / 1024**2, 1)


def _memory(process: psutil.Process) -> int:
    try:
        memory = process.memory_full_info()
    except psutil.Error:  # it has ended, or belongs to another user
        return 0
    return int(getattr(memory, "pss", memory.rss))

"""Notices that a part hangs: its process runs, and gives no answer at its port."""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from roadbike.kit.process.setting_faults import SettingError, fault
from roadbike.local.own import append
from roadbike.local.supervisor.probes import Probe, wait_until

SETTING: Final = "ROADBIKE_HANG_SECONDS"
HANG_SECONDS: Final = "10"  # by default
PAUSE_SECONDS: Final = 1.0  # between two looks
WINDOWS: Final = 2  # without an answer in a row; one alone may be because this process was paused


def hang_seconds(environ: Mapping[str, str]) -> float:
    """Return how long a part may give no answer before it is killed; 0: for any time.

    Raises SettingError when the setting has anything else in it.
    """
    chosen = environ.get(SETTING) or HANG_SECONDS
    if not re.fullmatch(r"[0-9]{1,5}", chosen) or int(chosen) == 1:
        raise SettingError(fault("setting-seconds-or-never", name=SETTING, value=chosen))
    return float(chosen)


async def until_it_hangs(is_live: Probe, seconds: float) -> None:
    """Return when the part has given no answer for that many seconds."""
    silent = 0
    while silent < WINDOWS:
        try:
            await wait_until(is_live, seconds / WINDOWS)
        except TimeoutError:
            silent += 1
        else:
            silent = 0
            await asyncio.sleep(PAUSE_SECONDS)


def note(log: Path, part: str, reason: str) -> None:
    """Write to the part's own log that it was killed, which it cannot do itself."""
    line = {
        "timestamp": datetime.now(UTC).isoformat(),
        "level": "error",
        "event": "supervisor.killed",
        "part": part,
        "reason": reason,
    }
    with append(log) as file:
        file.write(msgspec.json.encode(line) + b"\n")

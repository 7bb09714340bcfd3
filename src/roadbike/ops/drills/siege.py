"""The program siege, which the requirements name: its answers, request by request."""

import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from roadbike.local.errors import CommandError
from roadbike.ops.drills.answers import LOST, Answer

MOST_CLIENTS: Final = 255  # siege's own limit, unless its settings set another
SHARED_PATH: Final = "/usr/bin:/bin"
# The requests are made with siege's defaults; it prints a line for each, and writes no log file.
# By default it gives up after 1,024 failures, which an open breaker reaches in seconds.
SETTINGS: Final = """verbose = true
color = off
quiet = false
json_output = false
timestamp = true
show-logfile = false
logging = false
limit = {limit}
failures = 1000000000
protocol = HTTP/1.1
chunked = true
cache = false
connection = close
delay = 0.0
internet = false
benchmark = false
accept-encoding = gzip, deflate
url-escaping = true
unique = true
"""
LINE: Final = re.compile(r"\[\w+, (\S+ \S+)\] HTTP/\S+ (\d+) +([\d.]+) secs:")
ERROR: Final = "[error] socket"
BUSY: Final = {429, 503}


@dataclass(frozen=True, kw_only=True)
class Options:
    """clients: at a time. more: further options of siege's command line."""

    clients: int
    seconds: int
    more: str = ""


class Siege:
    """siege while it runs. options: its command line, as the requirements write it."""

    def __init__(self, process: asyncio.subprocess.Process, options: str) -> None:
        self.options = options
        self._process = process

    async def ended(self) -> list[Answer]:
        """Wait until siege has ended, and return the answer to each request.

        siege says when a request ended, in whole seconds, and shows no headers: each 503 and 429
        counts as one with Retry-After. Raises CommandError when it printed no answer.
        """
        out, err = await self._process.communicate()
        answers = list(read(out.decode(errors="replace"), err.decode(errors="replace")))
        if not answers:
            raise CommandError("drill-siege-failed", output=err.decode(errors="replace")[-500:])
        return answers


def is_installed() -> bool:
    return shutil.which("siege") is not None


@asynccontextmanager
async def siege(url: str, token: str, body: str, asked: Options) -> AsyncIterator[Siege]:
    """Run siege for the block: its clients post the body again and again.

    Raises CommandError when it is not installed.
    """
    program = shutil.which("siege")
    if program is None:
        raise CommandError("drill-siege-missing")
    options = [f"-c{asked.clients}", f"-t{asked.seconds}S", *asked.more.split()]
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "siegerc"
        settings.write_text(SETTINGS.format(limit=max(asked.clients, MOST_CLIENTS)))
        process = await asyncio.create_subprocess_exec(
            program,
            f"--rc={settings}",
            *options,
            *("--content-type", "application/json", "-H", f"Authorization: Bearer {token}"),
            f"{url} POST {body}",
            env={"HOME": folder, "PATH": SHARED_PATH},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield Siege(process, " ".join(options))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def read(out: str, err: str) -> Iterator[Answer]:
    """Yield an answer for each line of siege's output; a socket's error is a LOST one."""
    to_monotonic = time.monotonic() - time.time()
    for found in LINE.finditer(out):
        ended = time.mktime(time.strptime(found[1], "%Y-%m-%d %H:%M:%S")) + to_monotonic
        seconds, status = float(found[3]), int(found[2])
        yield Answer(ended - seconds, seconds * 1000, status, retry_after=status in BUSY)
    for _ in range(err.count(ERROR)):
        yield Answer(time.monotonic(), 0.0, LOST)

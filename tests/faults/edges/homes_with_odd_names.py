"""Edges 15: shops are opened in homes whose names hold `?`, `%` or `$`; measured is whether each
opens within 60 s and where its files lie; the fault is a shop that does not open, or a file
outside its home.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from roadbike.local import home as homes
from roadbike.local import shop_file
from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import end_in_order, seen_within
from tests.system.real_shop import Shop, command_environment, temporary_shop

NAMES: Final = ("q?x=1", "p%20c", "d$HOME")
OPEN_SECONDS: Final = 60


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with temporary_shop() as shop:
        top = shop.home.path.parent
        for name in NAMES:
            odd = Shop(homes.at(top / name), shop.base)
            with opening(odd) as how:
                outside = sorted(path.name for path in top.iterdir() if path.is_file())
                right = how == "open" and not outside and _database(odd).exists()
                checks.check(name, f"{how}; files outside the home: {outside}", right=right)
            for path in top.iterdir():
                if path.is_file():
                    path.unlink()
    return checks.outcome


@contextmanager
def opening(shop: Shop) -> Iterator[str]:
    """Run `roadbike up`; yield "open", or why it is not. Ended and deleted after the block."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(  # noqa: S603 our own command
            shop.command("up", "--port-base", str(shop.base)),
            env=command_environment({}),
            stdout=output,
            stderr=output,
            cwd="/",
        )
        supervisor = psutil.Process(process.pid)
        try:
            seen_within(lambda: process.poll() is not None or _is_open(shop), OPEN_SECONDS)
            output.seek(0)
            yield _how(shop, process, output.read().strip().splitlines())
        finally:
            with suppress(psutil.NoSuchProcess):  # it has given up
                end_in_order(supervisor)
            process.wait()
            homes.empty(shop.home)


def _how(shop: Shop, process: "subprocess.Popen[bytes]", lines: list[str]) -> str:
    if process.poll() is not None:
        return f"does not open: {' '.join(lines[-2:])[:160]}"
    return "open" if _is_open(shop) else f"still waiting after {OPEN_SECONDS} s"


def _is_open(shop: Shop) -> bool:
    content = shop_file.read(shop.home)
    return content is not None and content.open


def _database(shop: Shop) -> Path:
    return shop.home.path / "delivery" / "delivery.db"


if __name__ == "__main__":
    raise SystemExit(main())

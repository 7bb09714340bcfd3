"""Edges 15: shops are opened in homes whose names hold `?`, `%` or `$`; measured is whether each
opens within 60 s and where its files lie; the fault is a shop that does not open, or a file
outside its home.
"""

import subprocess
from pathlib import Path
from typing import Final

import psutil

from roadbike.local import home as homes
from tests.faults.outcome import Checks, Outcome, run
from tests.system.shop import Shop, a_shop, close, surroundings

NAMES: Final = ("q?x=1", "p%20c", "d$HOME")
OPEN_SECONDS: Final = 60


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with a_shop() as shop:
        top = shop.home.path.parent
        for name in NAMES:
            odd = Shop(homes.at(top / name), shop.base)
            try:
                how = opened(odd)
                outside = sorted(path.name for path in top.iterdir() if path.is_file())
                right = how == "open" and not outside and _database(odd).exists()
                checks.check(name, f"{how}; files outside the home: {outside}", right=right)
            finally:
                close_whatever_runs(odd)
                for path in top.iterdir():
                    if path.is_file():
                        path.unlink()
    return checks.outcome


def opened(shop: Shop) -> str:
    """Open the shop; return "open", or why it is not."""
    words = shop.command("up", "--detach", "--port-base", str(shop.base))
    try:
        done = subprocess.run(  # noqa: S603 our own command
            words,
            env=surroundings({}),
            capture_output=True,
            text=True,
            cwd="/",
            timeout=OPEN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"still waiting after {OPEN_SECONDS} s"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return "open" if done.returncode == 0 else f"does not open: {lines[-1][:120]}"


def close_whatever_runs(shop: Shop) -> None:
    """Close the shop; a supervisor that still waits for a part is ended too."""
    for process in psutil.process_iter(["cmdline"]):
        if str(shop.home.path) in (process.info["cmdline"] or []):
            family = [process, *process.children(recursive=True)]
            for each in family:
                each.kill()
            psutil.wait_procs(family, timeout=5)
    close(shop)


def _database(shop: Shop) -> Path:
    return shop.home.path / "delivery" / "delivery.db"


if __name__ == "__main__":
    raise SystemExit(main())

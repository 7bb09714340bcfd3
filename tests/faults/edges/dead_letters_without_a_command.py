"""Edges 13: the help of the command is read; measured are the names of its commands; the fault is
that not one of them shows, retries or dismisses a dead letter.
"""

import subprocess
from typing import Final

from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.system.real_shop import ROADBIKE

WORDS: Final = ("dead", "parked", "retry", "dismiss", "letter", "replay")


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    commands = names()
    if "status" not in commands:
        raise CannotTry(f"the help cannot be read: {commands}")
    say(f"commands: {' '.join(commands)}")
    found = [name for name in commands if any(word in name for word in WORDS)]
    return Outcome(not found, f"commands for dead letters: {', '.join(found) or 'not one'}")


def names() -> list[str]:
    done = subprocess.run(  # noqa: S603 our own command
        [ROADBIKE, "--help"], capture_output=True, text=True, check=True
    )
    lines = done.stdout.partition("Commands:")[2].splitlines()
    return [line.split()[0] for line in lines if line.strip()]


if __name__ == "__main__":
    raise SystemExit(main())

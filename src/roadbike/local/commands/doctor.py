"""`roadbike doctor`: whether this machine has what a shop needs, one line for each thing."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from rich.console import Console
from rich.text import Text

from roadbike.environment import ENVIRONMENT, SELLER
from roadbike.kit.process.setting_faults import SettingError
from roadbike.kit.process.settings import check_names
from roadbike.local import all_settings, ports, services, shop_file, users
from roadbike.local import home as homes
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.ports import Ports
from roadbike.local.servers import addresses, binaries, postgres
from roadbike.local.supervisor import control
from roadbike.local.texts import language, say

OLDEST_PYTHON: Final = (3, 11)
CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
MARKS: Final = {"good": ("✓", "green"), "note": ("–", "yellow"), "bad": ("✗", "red")}
NEEDED_WITH: Final = {  # a setting that is useless without another
    "ROADBIKE_TLS_CERT": "ROADBIKE_TLS_KEY",
    "ROADBIKE_TLS_KEY": "ROADBIKE_TLS_CERT",
    "ROADBIKE_TRUSTED_HOPS": "ROADBIKE_GATEWAY_KEY",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: good, bad (a shop cannot open), or a note."""

    verdict: Literal["good", "note", "bad"]
    sentence: str


def examine(home: Home, base: int, environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything that `roadbike up` needs, and change nothing."""
    return [
        _python(),
        *_programs(environ),
        _ports(home, base),
        _home(home, environ),
        *_settings(environ),
        *_seller(environ),
        _chromium(environ),
    ]


def show(findings: list[Finding], to: Console) -> int:
    """Print the findings and what follows from them; return the exit code."""
    for finding in findings:
        mark, colour = MARKS[finding.verdict]
        line = Text.assemble((mark, colour), " ", finding.sentence)
        to.print(line, highlight=False, soft_wrap=True)
    bad = sum(finding.verdict == "bad" for finding in findings)
    to.print(say("doctor-ill" if bad else "doctor-well", count=bad), style="bold", highlight=False)
    return 1 if bad else 0


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Finding("bad", say("doctor-python-old", version=version, path=sys.executable))
    return Finding("good", say("doctor-python", version=version, path=sys.executable))


def _programs(environ: Mapping[str, str]) -> Iterator[Finding]:
    looks: dict[str, Callable[[], Path]] = {
        "PostgreSQL": lambda: binaries.postgres(environ, data_major=None).folder / "postgres",
        "NATS": lambda: binaries.nats_server(environ),
        "Traefik": lambda: binaries.traefik(environ),
    }
    for name, look in looks.items():
        try:
            program = look()
        except CommandError as error:
            yield Finding("bad", str(error))
        else:
            facts = {"path": program, "version": _version(program), "sha256": _sha256(program)}
            yield Finding("good", say("doctor-program", name=name, **facts))


def _version(program: Path) -> str:
    argument = "version" if program.name == "traefik" else "--version"
    try:
        done = subprocess.run(  # noqa: S603  named by a setting, the PATH or a wheel
            [program, argument], capture_output=True, text=True, timeout=10, check=True, env={}
        )
    except (OSError, subprocess.SubprocessError):
        return say("unknown")
    words = done.stdout.split()
    return next((word for word in words if word[:1].isdigit() or word[:2] == "v2"), words[-1])


def _sha256(program: Path) -> str:
    with program.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _ports(home: Home, base: int) -> Finding:
    offsets = services.all_ports(Ports(0))
    first, last = base + min(offsets), base + max(offsets)
    if _is_open(home):
        return Finding("good", say("doctor-ports-own", first=first, last=last))
    port = ports.first_taken(base + offset for offset in offsets)
    if port is None:
        return Finding("good", say("doctor-ports", first=first, last=last))
    holder = ports.holder(port)
    other = ports.free_base(base, offsets)
    if other is None:
        return Finding("bad", say("ports-taken-everywhere", port=port, holder=holder))
    return Finding("bad", say("doctor-ports-taken", port=port, holder=holder, base=other))


def _is_open(home: Home) -> bool:
    try:
        control.views(home)
    except CommandError:
        return False
    return True


def _home(home: Home, environ: Mapping[str, str]) -> Finding:
    try:
        homes.check(home)
        with contextlib.suppress(SettingError):  # it is one of the faults of settings
            homes.check_disk(home, postgres.place(home, users.unprivileged(environ)))
        if home.path.exists():
            shop_file.read(home)
    except CommandError as error:
        return Finding("bad", str(error))
    there = next(each for each in (home.path, *home.path.parents) if each.exists())
    free = shutil.disk_usage(there).free // 1024**2
    return Finding("good", say("doctor-home", path=home.path, free=free))


def _settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    faults = all_settings.faults(environ)
    yield from (Finding("bad", fault.in_(language(environ))) for fault in faults)
    wrong = bool(faults)
    with contextlib.suppress(SettingError):  # it is one of the faults
        for name in check_names(environ, ENVIRONMENT):
            yield Finding("note", say("doctor-setting-unknown", name=name))
    for name in sorted(environ):
        if name.removesuffix("_FILE") in ENVIRONMENT and not environ[name]:
            means_none = name == addresses.ORIGINS
            slug = "doctor-setting-none" if means_none else "doctor-setting-empty"
            yield Finding("note", say(slug, name=name))
    for name, other in NEEDED_WITH.items():
        if _is_set(environ, name) and not _is_set(environ, other):
            wrong = True
            yield Finding("bad", say("doctor-setting-needs", name=name, other=other))
    if environ.get("ROADBIKE_ENV") == "production":
        yield Finding("note", say("doctor-production"))
    if not wrong:
        count = sum(name.removesuffix("_FILE") in ENVIRONMENT for name in environ)
        yield Finding("good", say("doctor-settings", count=count))


def _seller(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Name what the pages do not say about the seller: the law wants it on a shop's pages."""
    missing = sorted(name for name in SELLER if not _is_set(environ, name))
    if missing:
        yield Finding("note", say("doctor-seller-empty", names=", ".join(missing)))


def _is_set(environ: Mapping[str, str], name: str) -> bool:
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))


def _chromium(environ: Mapping[str, str]) -> Finding:
    for name in CHROMIUM:
        if found := shutil.which(name, path=environ.get("PATH", os.defpath)):
            return Finding("good", say("doctor-chromium", path=found))
    return Finding("note", say("doctor-no-chromium"))

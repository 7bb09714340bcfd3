"""Functions that are named by strings exist and take the arguments that they are given."""

import inspect
import re
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

import roadbike
from roadbike.local import home as homes
from roadbike.local import keys, parts, services
from roadbike.local.home import Home
from roadbike.local.ports import Ports
from roadbike.local.supervisor.part import Call, Part
from roadbike.local.up import check_settings, demo
from roadbike.local.up.options import Options

SOURCES = Path(roadbike.__file__).parent / "local"
NAMED = re.compile(r'"(roadbike(?:\.\w+)+:\w+)"')
FUNCTIONS = sorted(
    {name for file in SOURCES.rglob("*.py") for name in NAMED.findall(file.read_text())}
)
JOBS = sorted(f"{file.stem}:" for file in (SOURCES / "jobs").glob("[!_]*.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_named_by_a_string_exists(name: str) -> None:
    assert callable(resolve_name(name))


def test_every_job_is_named_somewhere() -> None:
    named = [name for name in FUNCTIONS if name.startswith("roadbike.local.jobs.")]

    assert sorted(name.rpartition(".")[2].partition(":")[0] + ":" for name in named) == JOBS


def test_every_call_gives_the_arguments_that_its_function_takes(folder: Path) -> None:
    home = homes.at(folder / "home")
    homes.open_home(home)

    calls = all_calls(home)

    assert {call.function for call in calls} == set(FUNCTIONS)
    for call in calls:
        function: Any = resolve_name(call.function)
        inspect.signature(function).bind(**call.arguments)
    for service in services.SERVICES:
        runs: Any = resolve_name(service.serve)
        inspect.signature(runs).bind(app_module="", environ={}, listener=None)


def all_calls(home: Home) -> list[Call]:
    all_parts = parts.all_parts(home, Ports(), {}, services.SERVICES)
    of_keys = keys.job(home, {spec.name: spec.callers for spec in services.SERVICES})
    assert of_keys is not None
    return [
        of_keys,
        check_settings.job(Options(home=home, ports=Ports(), environ={})),
        demo.job(home, Ports(), {}, {}),
        *(call for part in all_parts for call in calls(part)),
    ]


def calls(part: Part) -> list[Call]:
    return [call for call in (part.runs, part.prepare, part.finish) if isinstance(call, Call)]

"""The list in `environment.py` is complete and has no name too many."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

import roadbike
from roadbike.environment import ENVIRONMENT
from roadbike.kit.process.setting_faults import SettingError
from roadbike.kit.process.settings import variable
from roadbike.local.commands import set_up_broker
from roadbike.local.servers import kafka, outside, pod
from roadbike.local.services import SERVICES
from roadbike.serve import serve

ROOT = Path(roadbike.__file__).parent
NAME = re.compile(r'"(ROADBIKE_[A-Z_]+)"')
COMMAND = [ROOT / "__main__.py", *(ROOT / "local").rglob("*.py"), *(ROOT / "ops").rglob("*.py")]


def names_of_services() -> Iterator[str]:
    for spec in SERVICES:
        settings = import_module(f"{spec.package}.app").Settings
        yield from map(variable, msgspec.structs.fields(settings))


def names_in_the_command() -> set[str]:
    found = {name for path in COMMAND for name in NAME.findall(path.read_text())}
    for chosen in (set_up_broker.Chosen, kafka.Broker, kafka.Chosen, pod.Chosen):
        found |= set(map(variable, msgspec.structs.fields(chosen)))
    for form in (outside.SERVING, outside.OWNING):
        found |= {f"ROADBIKE_{form.format(service=spec.name).upper()}" for spec in SERVICES}
    return {name.removesuffix("_FILE") for name in found - {"ROADBIKE_"}}


def test_every_setting_of_a_service_is_listed() -> None:
    assert set(names_of_services()) - ENVIRONMENT == set()


def test_every_variable_that_the_command_reads_is_listed() -> None:
    assert names_in_the_command() - ENVIRONMENT == set()


def test_every_listed_name_is_read() -> None:
    assert ENVIRONMENT - set(names_of_services()) - names_in_the_command() == set()


def test_a_service_refuses_to_start_with_a_misspelt_setting() -> None:
    with pytest.raises(SettingError, match=r"ROADBIKE_OVERBOOK\?$"):
        serve("roadbike.stock.app", {"ROADBIKE_OVERBOKK": "3"})

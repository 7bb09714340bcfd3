"""The job that checks the settings of all services before any of them is started."""

import sys
from collections.abc import Mapping
from importlib import import_module

from roadbike.kit.process.setting_faults import SettingError, SettingFault
from roadbike.kit.process.settings import read
from roadbike.kit.translations import Language


def check(*, environs: Mapping[str, Mapping[str, str]], language: Language) -> None:
    """Print every fault once, in that language, and exit with 1 if there is any.

    `environs`: the environment of each service, by its package.
    """
    if found := faults(environs):
        sys.stdout.write("".join(f"{fault.in_(language)}\n" for fault in found))
        sys.exit(1)


def faults(environs: Mapping[str, Mapping[str, str]]) -> list[SettingFault]:
    """Return every fault once; `environs` as in `check`."""
    found: dict[str, SettingFault] = {}
    for package, environ in environs.items():
        try:
            read(import_module(f"{package}.app").Settings, environ)
        except SettingError as error:
            found |= {fault.in_("en"): fault for fault in error.faults}
    return list(found.values())

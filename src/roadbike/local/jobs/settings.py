"""The job that checks the settings of all services before any of them is started."""

import sys
from collections.abc import Mapping
from importlib import import_module

from roadbike.kit.process.setting_faults import SettingError
from roadbike.kit.process.settings import read
from roadbike.kit.translations import Language


def check(*, environs: Mapping[str, Mapping[str, str]], language: Language) -> None:
    """Print every fault once, in that language, and exit with 1 if there is any.

    `environs`: the environment of each service, by its package.
    """
    sentences: dict[str, None] = {}
    for package, environ in environs.items():
        try:
            read(import_module(f"{package}.app").Settings, environ)
        except SettingError as error:
            sentences |= dict.fromkeys(fault.in_(language) for fault in error.faults)
    if sentences:
        sys.stdout.write("".join(f"{sentence}\n" for sentence in sentences))
        sys.exit(1)

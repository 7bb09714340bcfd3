"""Every setting of a shop, checked before anything is made: the command's own, the services'."""

import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from roadbike.environment import ENVIRONMENT
from roadbike.kit.process.setting_faults import SettingError, SettingFault
from roadbike.kit.process.settings import check_names
from roadbike.local import keys, services, users
from roadbike.local.home import FOLDERS, Home
from roadbike.local.jobs import settings as job
from roadbike.local.ports import Ports
from roadbike.local.servers import addresses, client_limits, outside
from roadbike.local.supervisor import watchdog

OWN: Final[tuple[Callable[[Mapping[str, str]], object], ...]] = (
    lambda environ: check_names(environ, ENVIRONMENT),
    watchdog.hang_seconds,
    addresses.hosts,
    lambda environ: addresses.origins(Ports(), environ),
    client_limits.per_second,
    lambda environ: outside.check(environ, [spec.name for spec in services.SERVICES]),
    users.unprivileged,
)


def check_own(environ: Mapping[str, str]) -> None:
    """Raise SettingError, which names every wrong setting, if one of the command's own is wrong.

    If only those of services are wrong, their check at the start says so: it loads all services,
    in a process of its own.
    """
    if own_faults(environ):
        raise SettingError(*faults(environ))


def own_faults(environ: Mapping[str, str]) -> list[SettingFault]:
    """Return what is wrong with the settings that the command itself reads."""
    found: list[SettingFault] = []
    for read in OWN:
        try:
            read(environ)
        except SettingError as error:
            found.extend(error.faults)
    return found


def faults(environ: Mapping[str, str]) -> list[SettingFault]:
    """Return what is wrong with any setting. It loads all services, and writes temporary files."""
    with tempfile.TemporaryDirectory() as folder:
        home, ports = Home(Path(folder)), Ports()
        for name in FOLDERS:
            (home.path / name).mkdir(mode=0o700)
        callers = {spec.name: spec.callers for spec in services.SERVICES}
        if call := keys.job(home, callers):
            module, _, function = call.function.partition(":")
            getattr(import_module(module), function)(**call.arguments)
        environs = {
            spec.package: services.environment(home, ports, environ, spec)
            for spec in services.SERVICES
        }
        return [*own_faults(environ), *job.faults(environs)]

"""Run a shop of stub services under the real supervisor: `run_stub_shop.py HOME BASE [FAILING]`."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from roadbike.local import home, services
from roadbike.local.exit_code import exit_code_of
from roadbike.local.ports import Ports
from roadbike.local.up import command
from roadbike.local.up.options import Options


def main(folder: str, base: str, failing: str = "") -> int:
    specs = tuple(
        replace(
            spec,
            serve="stub_service:fail" if spec.name == failing else "stub_service:serve",
            migrate="stub_service:migrate",
            callers=tuple(name for name in spec.callers if name != services.STOREFRONT.name),
        )
        for spec in services.SERVICES
        if spec is not services.STOREFRONT  # else it serves every path of the gateway
    )
    options = Options(
        home=home.at(Path(folder)),
        ports=Ports(int(base)),
        environ=dict(os.environ),
        specs=specs,
        demo=False,
    )
    return exit_code_of(lambda: command.up(options))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

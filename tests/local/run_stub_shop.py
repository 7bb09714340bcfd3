"""A whole shop of stubs under the real supervisor: `stub_shop.py HOME PORT_BASE [FAILING]`."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from roadbike.__main__ import told
from roadbike.local import home, services
from roadbike.local.up import command


def main(folder: str, base: str, failing: str = "") -> int:
    specs = tuple(
        replace(
            spec,
            serve="stub:fail" if spec.name == failing else "stub:serve",
            migrate="stub:migrate",
        )
        for spec in services.SERVICES
    )
    wish = command.Wish(
        home=home.at(Path(folder)),
        base=int(base),
        fresh=False,
        environ=dict(os.environ),
        specs=specs,
        demo=False,
    )
    return told(lambda: command.up(wish))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

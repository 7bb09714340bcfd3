"""A whole shop of stubs under the real supervisor: `stub_shop.py HOME PORT_BASE [FAILING]`."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from roadbike.__main__ import told
from roadbike.local import home, parts, up


def main(folder: str, base: str, failing: str = "") -> int:
    trades = tuple(
        replace(
            trade,
            serve="stub:fail" if trade.name == failing else "stub:serve",
            migrate="stub:migrate",
        )
        for trade in parts.TRADES
    )
    wish = up.Wish(
        home=home.at(Path(folder)),
        base=int(base),
        fresh=False,
        environ=dict(os.environ),
        trades=trades,
        demo=False,
    )
    return told(lambda: up.up(wish))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""The first start's log-ins and bikes, so that there is something to buy and somebody to buy it."""

from collections.abc import Mapping

from roadbike.local import parts
from roadbike.local.home import Home, read_shop
from roadbike.local.ports import HOST, Ports
from roadbike.local.shape import Call


def call(home: Home, ports: Ports, environ: Mapping[str, str]) -> Call:
    return Call(
        function="roadbike.local.demo_making:make",
        arguments={
            "logins": read_shop(home)["logins"],
            "gateway": f"http://{HOST}:{ports.gateway}",
            "account": parts.environment(home, ports, environ, parts.ACCOUNT),
        },
    )

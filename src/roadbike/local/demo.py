"""The first start's log-ins and bikes: something to buy, and somebody to buy it."""

from roadbike.local import parts
from roadbike.local.home import Home, read_shop
from roadbike.local.ports import HOST, Ports
from roadbike.local.shape import Call


def call(home: Home, ports: Ports) -> Call:
    return Call(
        function="roadbike.local.demo_making:make",
        arguments={
            "logins": read_shop(home)["logins"],
            "database_url": parts.database_url(home, ports, parts.ACCOUNT),
            "gateway": f"http://{HOST}:{ports.gateway}",
        },
    )

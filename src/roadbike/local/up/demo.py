"""The first start's log-ins and bikes: something to buy, and somebody to buy it."""

from roadbike.local import services
from roadbike.local.home import Home, read_shop
from roadbike.local.ports import HOST, Ports
from roadbike.local.supervisor.part import Call


def call(home: Home, ports: Ports) -> Call:
    return Call(
        function="roadbike.local.jobs.demo_data:make",
        arguments={
            "logins": read_shop(home)["logins"],
            "database_url": services.database_url(home, ports, services.ACCOUNT),
            "gateway": f"http://{HOST}:{ports.gateway}",
        },
    )

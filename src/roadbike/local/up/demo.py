"""The demo users and bikes: made at the first start, so that something can be bought at once."""

from collections.abc import Mapping

from roadbike.local import services
from roadbike.local.home import Home
from roadbike.local.ports import HOST, Ports
from roadbike.local.supervisor.part import Call


def job(home: Home, ports: Ports, logins: Mapping[str, str], environ: Mapping[str, str]) -> Call:
    """`logins` are the passwords by user, `environ` is that of the command."""
    return Call(
        function="roadbike.local.jobs.demo_data:make",
        arguments={
            "logins": dict(logins),
            "database_url": services.database_url(home, ports, services.ACCOUNT, environ),
            "gateway": f"http://{HOST}:{ports.gateway}",
        },
    )

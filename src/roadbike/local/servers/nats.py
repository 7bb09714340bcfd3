"""The NATS server: loopback only, every write synced, one user for each service."""

from collections.abc import Mapping
from functools import partial

from roadbike.local import own
from roadbike.local.home import Home
from roadbike.local.servers import binaries
from roadbike.local.supervisor import probes
from roadbike.local.supervisor.part import Call, Part, Server
from roadbike.local.users import User


def part(
    home: Home,
    port: int,
    environ: Mapping[str, str],
    passwords: Mapping[str, str],
    topics: Mapping[str, str | None],
    user: User | None = None,
) -> Part:
    """Return the server as a part.

    `passwords` and `topics` are by service; the topic is None if it publishes nothing.
    user: the user that it runs as; None for our own.
    """
    settings = home.path / "nats" / "nats.conf"
    return Part(
        name="nats",
        port=port,
        runs=Server(
            program=binaries.nats_server(environ),
            arguments=("--config", str(settings)),
            environ={"GOMEMLIMIT": "200MiB"},  # it keeps a subject per key in memory
            user=user.ids if user else None,
        ),
        is_ready=probes.nats(port),
        prepare_each=partial(own.share, settings, user.gid if user else None),
        prepare=Call(
            function="roadbike.local.jobs.nats_config:write",
            arguments={
                "path": str(settings),
                "port": port,
                "passwords": dict(passwords),
                "topics": dict(topics),
            },
        ),
    )

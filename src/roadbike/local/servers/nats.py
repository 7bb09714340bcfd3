"""The NATS server: loopback only, every write synced, one user for each service."""

from collections.abc import Mapping

from roadbike.local.home import Home
from roadbike.local.servers import binaries
from roadbike.local.supervisor import probes
from roadbike.local.supervisor.part import Call, Part, Server


def part(
    home: Home,
    port: int,
    environ: Mapping[str, str],
    passwords: Mapping[str, str],
    topics: Mapping[str, str | None],
) -> Part:
    """`passwords` and `topics` are by service; the topic is None if it publishes nothing."""
    settings = home.path / "nats" / "nats.conf"
    return Part(
        name="nats",
        port=port,
        runs=Server(
            program=binaries.nats_server(environ),
            arguments=("--config", str(settings)),
            environ={"GOMEMLIMIT": "200MiB"},  # it keeps a subject per key in memory
        ),
        is_ready=probes.nats(port),
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

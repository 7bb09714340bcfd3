"""The NATS server: loopback only, every write synced, one user for each service."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from roadbike.local import own
from roadbike.local.home import Home
from roadbike.local.servers import AUDIT, binaries
from roadbike.local.supervisor import probes
from roadbike.local.supervisor.part import Call, Part, Server
from roadbike.local.users import User

SET_UP: Final = "set-up"  # the part, and the broker's user, that makes topics and groups


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """The users of the broker: the services, the set-up job, and one that may only read.

    passwords: by user. publishes: the topic of each service, None if it publishes nothing.
    consumes: the topics that each service reads. groups: those that consume each topic.
    """

    passwords: Mapping[str, str]
    publishes: Mapping[str, str | None]
    consumes: Mapping[str, Sequence[str]]
    groups: Mapping[str, Sequence[str]]


def part(
    home: Home,
    port: int,
    environ: Mapping[str, str],
    rights: Rights,
    user: User | None = None,
) -> Part:
    """Return the server as a part.

    rights: its users and what they may do.
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
        is_live=probes.nats(port, seconds=probes.PATIENCE_SECONDS),
        prepare_each=partial(own.share, settings, user.gid if user else None),
        prepare=Call(
            function="roadbike.local.jobs.nats_config:write",
            arguments={
                "path": str(settings),
                "port": port,
                "set_up": SET_UP,
                "audit": AUDIT,
                "rights": asdict(rights),
            },
        ),
    )

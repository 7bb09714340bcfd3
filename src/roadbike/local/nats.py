"""The NATS server of the shop: loopback only, every write synced, each service its own user."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from roadbike.local import binaries, probes
from roadbike.local.home import Home, write_private
from roadbike.local.ports import HOST
from roadbike.local.shape import Part, Server

GIBIBYTE: Final = 1024**3


def part(
    home: Home, port: int, environ: Mapping[str, str], passwords: Mapping[str, str]
) -> Part:
    """`passwords` has one for each service."""
    settings = home.path / "nats" / "nats.conf"
    return Part(
        name="nats",
        port=port,
        runs=Server(
            program=binaries.nats_server(environ), arguments=("--config", str(settings))
        ),
        is_ready=probes.nats(port),
        prepare=partial(_write, settings, port, passwords),
    )


def _write(path: Path, port: int, passwords: Mapping[str, str]) -> None:
    users = [user(name, password) for name, password in passwords.items()]
    write_private(path, msgspec.json.format(msgspec.json.encode(_settings(path, port, users))))


def _settings(path: Path, port: int, users: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "server_name": "roadbike",
        "host": HOST,
        "port": port,
        "jetstream": {
            "store_dir": str(path.parent / "data"),
            "max_file_store": 4 * GIBIBYTE,
            "max_memory_store": 0,
            "sync_interval": "always",  # the default of two minutes loses what was acknowledged
        },
        "authorization": {"users": users},
    }


def user(name: str, password: str) -> dict[str, Any]:
    """A service tells on its own topic, hears every other, and answers for nobody else."""
    own = f"bike-{name}"
    return {
        "user": name,
        "password": password,
        "permissions": {
            "publish": {
                "allow": [
                    f"bike.{name}.>",
                    f"$JS.API.STREAM.CREATE.{own}",
                    f"$JS.API.STREAM.UPDATE.{own}",
                    f"$JS.API.STREAM.MSG.GET.{own}",
                    "$JS.API.STREAM.INFO.*",
                    f"$JS.API.CONSUMER.CREATE.*.{name}",
                    f"$JS.API.CONSUMER.CREATE.*.{name}.>",
                    f"$JS.API.CONSUMER.DURABLE.CREATE.*.{name}",
                    f"$JS.API.CONSUMER.INFO.*.{name}",
                    f"$JS.API.CONSUMER.MSG.NEXT.*.{name}",
                    f"$JS.ACK.*.{name}.>",
                ]
            },
            "subscribe": {"allow": [f"_INBOX_{name}.>"]},
        },
    }

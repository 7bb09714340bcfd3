"""The job that writes the configuration of the NATS server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from roadbike.kit.messaging.broker.nats import (
    audit_permissions,
    permissions,
    set_up_permissions,
)
from roadbike.local.home import write_private
from roadbike.local.ports import HOST

MAX_STORE_BYTES: Final = 8 * 1024**3  # of all topics together


def write(*, path: str, port: int, set_up: str, audit: str, rights: Mapping[str, Any]) -> None:
    """Write the file. `set_up`, `audit`: the users of the set-up job and of the audit.

    `rights`: the fields of servers.nats.Rights.
    """
    allowed = {
        name: permissions(name, topic, rights["consumes"][name])
        for name, topic in rights["publishes"].items()
    }
    allowed[set_up] = set_up_permissions(set_up, rights["groups"])
    allowed[audit] = audit_permissions(audit, rights["groups"])
    users = [
        {"user": name, "password": rights["passwords"][name], "permissions": permitted}
        for name, permitted in allowed.items()
    ]
    settings = msgspec.json.encode(_settings(Path(path).parent / "data", port, users))
    write_private(Path(path), msgspec.json.format(settings))


def _settings(store: Path, port: int, users: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "server_name": "roadbike",
        "host": HOST,
        "port": port,
        "logtime_utc": True,  # as in the logs of services, with which its own is merged
        "jetstream": {
            "store_dir": str(store),
            "max_file_store": MAX_STORE_BYTES,
            # With the default, every two minutes, acknowledged messages could be lost.
            "sync_interval": "always",
        },
        "authorization": {"users": users},
    }

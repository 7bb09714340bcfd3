"""Where the key files of one machine's shop lie: who signs with what, and whom each accepts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from roadbike.local.home import Home
from roadbike.local.supervisor.part import Call

OPS: Final = "ops"  # the caller that the commands are
SIGNING: Final = "account-signing"  # what account signs people's tokens with


def private(home: Home, name: str) -> Path:
    return home.keys / f"{name}.json"


def callers(home: Home, service: str) -> Path:
    return home.keys / f"{service}.callers.json"


def missing(home: Home, accepted: Mapping[str, Sequence[str]]) -> Call | None:
    """The call that makes the keys not there yet; `accepted` names the callers of each service."""
    wanted = [private(home, name) for name in (*accepted, OPS, SIGNING)]
    if all(path.exists() for path in (*wanted, *(callers(home, name) for name in accepted))):
        return None
    arguments = {
        "keys": {name: str(private(home, name)) for name in (*accepted, OPS, SIGNING)},
        "callers": {str(callers(home, name)): [*who, OPS] for name, who in accepted.items()},
    }
    return Call(function="roadbike.local.jobs.keys:make", arguments=arguments)

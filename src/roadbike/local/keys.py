"""Where the key files of a shop on one machine lie, and the job that makes missing ones."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from roadbike.kit.pure.callers import OPERATOR
from roadbike.local.home import Home
from roadbike.local.supervisor.part import Call

OPS: Final = OPERATOR  # the name under which the commands call services
SIGNING: Final = "account-signing"  # the key with which account signs people's tokens


def private(home: Home, name: str) -> Path:
    return home.keys / f"{name}.json"


def callers(home: Home, service: str) -> Path:
    """Return the file with the public keys of those who may call the service at /internal."""
    return home.keys / f"{service}.callers.json"


def issuer(home: Home) -> Path:
    """Return the file with the public key that access tokens are signed with."""
    return home.keys / "account.public.json"


def job(home: Home, accepted: Mapping[str, Sequence[str]]) -> Call | None:
    """Return the job that makes the missing key files, None when none is missing.

    A file of public keys is made again when others may call the service than when it was made.
    accepted: for each service, the services that may call it at /internal.
    """
    owners = (*accepted, OPS, SIGNING)
    public = {str(callers(home, name)): [*names, OPS] for name, names in accepted.items()}
    public[str(issuer(home))] = [SIGNING]
    made = all(private(home, name).exists() for name in owners)
    if made and all(_owners(Path(path)) == sorted(names) for path, names in public.items()):
        return None
    arguments = {
        "keys": {name: str(private(home, name)) for name in owners},
        "public": public,
    }
    return Call(function="roadbike.local.jobs.keys:make", arguments=arguments)


def _owners(path: Path) -> list[str]:
    """Return the owners of the public keys in the file; an empty list if it cannot be read."""
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))["keys"]
    except (FileNotFoundError, ValueError):
        return []
    return sorted(key["kid"].partition("/")[0] for key in keys)

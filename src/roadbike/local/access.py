"""What the user that the parts run as may read and own in the home."""

import os
from typing import Final

from roadbike.local import keys, own
from roadbike.local.home import SQLITE_FOLDERS, Home
from roadbike.local.users import User

READ: Final = ("keys", "nats", "gateway")  # with files that we write and parts read
OWNED: Final = (*SQLITE_FOLDERS, "nats/data")  # with files that parts write


def grant(home: Home, user: User | None) -> None:
    """Let the user read the keys of the services and write their data; None: they are all ours.

    Raises CommandError when something in the home is a link or belongs to yet another user.
    """
    for name in READ:
        own.folder(home.path / name, 0o711 if user else 0o700)
    for key in home.keys.glob("*.json"):
        is_shared = user and key != keys.private(home, keys.OPS)
        own.share(key, user.gid if user and is_shared else None)
    for name in OWNED:
        own.hand_over(home.path / name, user.ids if user else (os.geteuid(), os.getegid()))

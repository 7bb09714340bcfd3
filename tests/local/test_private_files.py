"""The files of an open shop: closed to all other users, whatever the umask of its operator."""

import stat
from collections.abc import Callable

from tests.local.private_files import everything_in, is_private
from tests.local.stub_shop import StubShop


def test_nothing_in_the_home_is_open_to_other_users(open_shop: Callable[..., StubShop]) -> None:
    shop = open_shop(umask=0)
    home = shop.home.path

    found = dict(everything_in(home))
    opened = {name: oct(about.st_mode) for name, about in found.items() if not is_private(about)}

    assert opened == {}
    assert stat.S_IMODE(home.stat().st_mode) in {0o700, 0o711}
    assert {"shop.json", "secrets.json", "nats/nats.conf", "logs/nats.log"} <= found.keys()
    assert {"postgres/data/PG_VERSION", "postgres/pg_hba.conf", "keys/ops.json"} <= found.keys()
    assert any(name.startswith("nats/data/jetstream") for name in found)


def test_only_what_parts_have_to_read_is_open_to_their_group(shop: StubShop) -> None:
    readable = {name for name, about in everything_in(shop.home.path) if about.st_mode & 0o040}

    assert {name.partition("/")[0] for name in readable} <= {"keys", "nats", "gateway", "postgres"}
    assert "keys/ops.json" not in readable

"""The shop in the cluster: what is in it, and the commands that tests use on it."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from roadbike.account.domain import Role
from roadbike.account.passwords import hasher
from roadbike.account.use_cases import open_account
from roadbike.kit.db import Database
from roadbike.local import home, shop_file
from roadbike.local.services import SERVICES
from roadbike.local.shop_file import ShopFile
from tests.cluster.beside import HOST, Servers
from tests.cluster.kubectl import OVERLAYS, ROOT, get, kubectl, rolled_out

GATEWAY: Final = os.environ.get("ROADBIKE_CLUSTER_GATEWAY", f"http://{HOST}:30080")
ROLES: Final = {"admin": (Role.ADMIN, Role.BUYER), "buyer": (Role.BUYER,)}
APPS: Final = (*(spec.name for spec in SERVICES), "gateway")
FIGURES: Final = ROOT / "build/cluster.txt"
SEEN: Final[list[str]] = []


@dataclass(frozen=True)
class ClusterShop:
    """folder: what `roadbike set-up-secrets` has made. home: with the shop.json for commands."""

    folder: Path
    home: Path

    @property
    def file(self) -> ShopFile:
        return shop_file.read_known(home.at(self.home))


def opened(folder: Path, beside: Servers) -> ClusterShop:
    """Deploy the test overlay with secrets of its own, and return the shop when it is ready."""
    secrets = folder / "secrets"
    postgres, mariadb = (
        f"://{{user}}:{{password}}@{HOST}:{server.port}/{{database}}"
        for server in (beside.postgres, beside.mariadb)
    )
    command(
        *("set-up-secrets", str(secrets), "--gateway", GATEWAY),
        *("--database-url", f"postgresql+asyncpg{postgres}"),
        *("--database-url", f"delivery=mariadb+asyncmy{mariadb}"),
        *("--broker-url", f"kafka://{beside.kafka.addresses}"),
    )
    beside.run(secrets)
    make("deploy", "OVERLAY=test", f"SECRETS={secrets}")
    for app in APPS:
        rolled_out(app)
    made = ClusterShop(secrets, _home(secrets))
    asyncio.run(_open_accounts(made.file))
    return made


def as_it_was(*apps: str) -> None:
    """Delete and make them: to apply the overlay would keep what tests have patched."""
    kubectl("delete", "deployment", *apps, "--wait")
    kubectl("apply", f"--kustomize={OVERLAYS / 'test'}", f"--selector=app in ({','.join(apps)})")
    for app in apps:
        rolled_out(app)


def figure(text: str) -> None:
    """Note what was seen: in build/cluster.txt at once, and printed when all tests have ended."""
    SEEN.append(text)
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text("\n".join([*SEEN, ""]), encoding="utf-8")


def command(*arguments: str, code: int = 0, seconds: float = 600) -> str:
    """Run `roadbike` and return what it prints; it has to end with that code."""
    environ = {**os.environ, "LANG": "C.UTF-8", "COLUMNS": "120"}
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "roadbike", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == code, f"roadbike {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def make(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603  our own Makefile
        ["make", "--no-print-directory", *arguments],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"make {' '.join(arguments)}\n{done.stdout}{done.stderr}"


def _home(secrets: Path) -> Path:
    """Return a home for commands that run beside the cluster: services by their addresses."""
    described = home.at(secrets / "home")
    home.make_home(described)
    shop = msgspec.json.decode((secrets / "ops/shop.json").read_bytes(), type=ShopFile)
    addresses = {
        name: "http://{}:8080".format(get("service", name)["spec"]["clusterIP"])
        for name in shop.databases
    }
    here = msgspec.structs.replace(
        shop,
        home=str(described.path),
        addresses=shop.addresses | addresses,
        ops_key=str(secrets / "ops/ops.json"),
    )
    shop_file.write(described, here)
    return described.path


async def _open_accounts(shop: ShopFile) -> None:
    """Open the accounts of shop.json, as the command for the first admin does."""
    db = Database(shop.databases["account"])
    try:
        async with db.begin() as tx:
            for user, roles in ROLES.items():
                await open_account(
                    tx,
                    user_id=user,
                    user_name=user,
                    password_hash=hasher().hash(shop.logins[user]),
                    roles=roles,
                )
    finally:
        await db.close()

"""Second replicas of four services of an open shop; each is started again when it ends."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Final

from roadbike.local import services
from roadbike.local.ports import Ports
from roadbike.local.services import MYPAGE, PAYMENT, RESERVATION, STOCK, ServiceSpec
from tests.faults.outcome import CannotTry
from tests.faults.people import anybody
from tests.ports import free_base
from tests.system.real_shop import ROADBIKE, Shop, command_environment

DOUBLED: Final = (STOCK, RESERVATION, PAYMENT, MYPAGE)
AGAIN_SECONDS: Final = 0.3
START_SECONDS: Final = 120  # four processes at once, on a busy machine


@dataclass
class Replica:
    """A second process of a service, on its own port."""

    shop: Shop
    spec: ServiceSpec
    port: int
    over: Event = field(default_factory=Event)
    process: "subprocess.Popen[bytes] | None" = None

    def keep(self) -> None:
        """Run the process, and start it again when it ends, until `end` is called."""
        given = services.environment(self.shop.home, Ports(self.shop.base), {}, self.spec)
        given |= {"ROADBIKE_PORT": str(self.port)}
        with self.shop.home.log(f"{self.spec.name}-2").open("ab") as log:
            while not self.over.is_set():
                self.process = subprocess.Popen(  # noqa: S603 our own command
                    [ROADBIKE, "serve", self.spec.name],
                    env=command_environment(given),
                    stdout=log,
                    stderr=log,
                    cwd="/",
                )
                self.process.wait()
                self.over.wait(AGAIN_SECONDS)

    @property
    def pid(self) -> int | None:
        """Return the id of the process, None while it is not running."""
        runs = self.process is not None and self.process.poll() is None
        return self.process.pid if runs and self.process is not None else None

    def end(self) -> None:
        self.over.set()
        if self.process is not None:
            self.process.kill()  # also ends a process that is stopped


@contextmanager
def second_replicas(shop: Shop) -> Iterator[dict[str, Replica]]:
    """Run a second replica of each doubled service inside the block; yields them by name."""
    base = free_base()
    found = {spec.name: Replica(shop, spec, base + spec.offset) for spec in DOUBLED}
    keepers = [Thread(target=replica.keep, daemon=True) for replica in found.values()]
    try:
        for keeper in keepers:
            keeper.start()
        _wait_until_started(shop, found)
        yield found
    finally:
        for replica in found.values():
            replica.end()
        for keeper in keepers:
            keeper.join(timeout=5)


def _wait_until_started(shop: Shop, replicas: dict[str, Replica]) -> None:
    end = time.monotonic() + START_SECONDS
    for name, replica in replicas.items():
        log = shop.home.log(f"{name}-2")
        while not _is_ready(replica):
            if time.monotonic() > end:
                raise CannotTry(f"the second {name} does not start: {log.read_text()[-300:]}")
            time.sleep(0.2)


def _is_ready(replica: Replica) -> bool:
    try:
        return anybody(replica.shop).ask("GET", "/readyz", port=replica.port).status == 200
    except OSError:
        return False

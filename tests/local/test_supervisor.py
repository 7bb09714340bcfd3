"""The supervisor: starts all, restarts what dies, stops all, and leaves nothing behind."""

import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from roadbike.local.errors import CommandError
from tests.local.shops import StubShop, failed_start, start
from tests.ports import free_base

OpenShop = Callable[..., StubShop]
INTERRUPTED = "roadbike: the opening was interrupted: the shop is closed, its data stay"
PARTS = ("postgres", "nats", "stock", "reservation", "mypage", "gateway")


def test_the_listing_tells_where_everything_is_and_is_private(shop: StubShop) -> None:
    listing = shop.listing

    assert stat.S_IMODE(shop.home.shop_json.stat().st_mode) == 0o600
    assert listing["addresses"]["gateway"] == shop.gateway
    assert set(listing["logins"]) == {"buyer", "buyer2", "admin"}
    assert all(psutil.pid_exists(pid) for pid in listing["pids"].values())
    assert len(listing["pids"]) == 10


def test_every_file_with_a_secret_is_private(shop: StubShop) -> None:
    files = [shop.home.path / "secrets.json", shop.home.path / "nats" / "nats.conf"]
    folders = [shop.home.keys, shop.home.logs, shop.home.path / "nats"]

    assert {stat.S_IMODE(f.stat().st_mode) for f in (*files, *shop.home.keys.iterdir())} == {0o600}
    assert {stat.S_IMODE(f.stat().st_mode) for f in folders} == {0o700}


def test_only_loopback_is_listened_on(shop: StubShop) -> None:
    listening = {
        each.laddr.ip
        for process in shop.tree()
        for each in process.net_connections(kind="tcp")
        if each.status == psutil.CONN_LISTEN
    }

    assert listening == {"127.0.0.1"}


def test_processes_say_what_they_are(shop: StubShop) -> None:
    title = psutil.Process(shop.pids["stock"]).cmdline()

    assert title[0] == "roadbike: stock"


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_ready_again_soon(shop: StubShop, part: str) -> None:
    before = shop.pids[part]

    began = time.monotonic()
    shop.order("kill", part)
    shop.order("start", part)  # waits until it is ready

    assert time.monotonic() - began < 5
    assert shop.pids[part] != before


def test_a_killed_warden_takes_its_server_along_and_both_come_back(shop: StubShop) -> None:
    server = psutil.Process(shop.pids["nats"])

    psutil.Process(server.ppid()).kill()
    psutil.wait_procs([server], timeout=5)
    shop.order("start", "nats")

    assert not server.is_running()
    assert shop.pids["nats"] != server.pid


def test_a_killed_fork_server_takes_the_services_along_and_they_come_back(shop: StubShop) -> None:
    services = [shop.pids[name] for name in ("stock", "payment")]
    processes = [psutil.Process(pid) for pid in services]
    forker = processes[0].parent()

    forker.kill()
    _, alive = psutil.wait_procs(processes, timeout=5)
    for name in ("stock", "payment"):
        shop.order("start", name)

    assert alive == []
    assert not set(services) & set(shop.pids.values())


def test_a_stopped_part_stays_down_until_it_is_started(shop: StubShop) -> None:
    shop.order("stop", "payment")
    stopped = {view["name"]: view["state"] for view in shop.order("views")}
    shop.order("start", "payment")
    started = {view["name"]: view["state"] for view in shop.order("views")}

    assert stopped["payment"] == "stopped"
    assert started["payment"] == "ready"


def test_an_unknown_part_is_refused_with_the_names_of_those_there_are(shop: StubShop) -> None:
    with pytest.raises(
        CommandError, match="there is no bakery: the parts are postgres, nats, stock"
    ):
        shop.order("stop", "bakery")


def test_a_second_shop_in_the_same_home_is_refused(shop: StubShop) -> None:
    said = failed_start(shop.home.path, free_base())

    assert f"already running in {shop.home.path} (pid {shop.process.pid})" in said


def test_a_closed_shop_leaves_nothing_running_and_opens_again_with_its_data(
    open_shop: OpenShop,
) -> None:
    first = open_shop()
    tree, listing = first.tree(), first.listing
    assert first.close() == 0
    assert first.said.splitlines()[-1] == "The shop is closed; its data stay."
    _, alive = psutil.wait_procs(tree, timeout=5)

    second = open_shop()

    assert alive == []
    assert second.listing["logins"] == listing["logins"]
    assert second.listing["databases"] == listing["databases"]


def test_a_killed_supervisor_leaves_nothing_behind_and_the_next_one_opens(
    open_shop: OpenShop,
) -> None:
    first = open_shop()
    tree = first.tree()

    first.process.kill()
    _, alive = psutil.wait_procs(tree, timeout=5)
    second = open_shop()

    assert alive == []
    assert second.process.poll() is None


def test_a_shop_opens_while_the_processes_of_a_killed_supervisor_still_end(
    open_shop: OpenShop,
) -> None:
    first = open_shop()
    os.kill(first.pids["stock"], signal.SIGSTOP)  # it cannot notice by itself

    first.process.kill()
    second = open_shop()

    assert second.ask("/stocks").status == 200


def imports(child: psutil.Process) -> bool:
    """Whether it is the fork server, amid the second of work that its imports are."""
    try:
        return "forkserver" in " ".join(child.cmdline()) and child.cpu_times().user > 0.2
    except psutil.NoSuchProcess:  # one that only looked for something
        return False


def test_ctrl_c_while_the_imports_go_on_is_told_in_one_clear_line(folder: Path, base: int) -> None:
    shop = start(folder / "home", base)
    supervisor = psutil.Process(shop.process.pid)
    while not any(imports(child) for child in supervisor.children()):
        time.sleep(0.01)

    shop.ctrl_c()
    said, _ = shop.process.communicate(timeout=60)

    assert shop.process.returncode == 130
    assert said == f"{INTERRUPTED}\n"


def test_ctrl_c_while_the_parts_start_closes_those_that_run(folder: Path, base: int) -> None:
    shop = start(folder / "home", base)
    assert shop.process.stdout is not None
    first = shop.process.stdout.readline()
    tree = shop.tree()

    shop.ctrl_c()
    said, _ = shop.process.communicate(timeout=60)
    _, alive = psutil.wait_procs(tree, timeout=5)

    assert "ready on port" in first
    assert shop.process.returncode == 130
    assert said.splitlines()[-1] == INTERRUPTED
    assert "Traceback" not in said
    assert "again" not in said
    assert alive == []


def test_a_part_that_cannot_start_ends_the_opening_with_its_last_log_lines(
    folder: Path, base: int
) -> None:
    said = failed_start(folder / "home", base, "stock")

    assert "stock does not start: ended with exit code 1" in said
    assert "the reason is written here" in said


def test_a_taken_port_names_the_process_that_has_it(shop: StubShop, folder: Path) -> None:
    said = failed_start(folder / "home", shop.base)

    assert f"port {shop.base + 8} is taken by traefik (pid {shop.pids['gateway']})" in said
    assert "--port-base" in said
    assert not (folder / "home").exists()

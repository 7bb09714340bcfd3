"""The supervisor: starts all parts, restarts them, stops them, and leaves no process behind."""

import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from roadbike.local.errors import CommandError
from tests.local.stub_shop import AS_ROOT, StubShop, failed_start, start
from tests.ports import free_base

OpenShop = Callable[..., StubShop]
INTERRUPTED = "roadbike: the start was interrupted: the shop is closed, its data are kept"
PARTS = ("postgres", "nats", "set-up", "stock", "reservation", "mypage", "gateway")


def test_shop_json_says_where_everything_is_and_is_private(shop: StubShop) -> None:
    content = shop.shop_json

    assert stat.S_IMODE(shop.home.shop_json.stat().st_mode) == 0o600
    assert content["addresses"]["gateway"] == shop.gateway
    assert set(content["logins"]) == {"buyer", "buyer2", "admin"}
    assert all(psutil.pid_exists(pid) for pid in content["pids"].values())
    assert len(content["pids"]) == 11


def test_all_ports_are_on_loopback(shop: StubShop) -> None:
    listening = {
        each.laddr.ip
        for process in shop.processes()
        for each in process.net_connections(kind="tcp")
        if each.status == psutil.CONN_LISTEN
    }

    assert listening == {"127.0.0.1"}


def test_a_process_is_named_after_its_part(shop: StubShop) -> None:
    title = psutil.Process(shop.pids["stock"]).cmdline()

    assert title[0] == "roadbike: stock"


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_ready_again_soon(shop: StubShop, part: str) -> None:
    before = shop.pids[part]

    began = time.monotonic()
    shop.command("kill", part)
    shop.command("start", part)  # waits until it is ready

    assert time.monotonic() - began < 5
    assert shop.pids[part] != before


def test_a_killed_warden_s_server_is_killed_and_both_are_restarted(shop: StubShop) -> None:
    server = psutil.Process(shop.pids["nats"])

    psutil.Process(server.ppid()).kill()
    psutil.wait_procs([server], timeout=5)
    shop.command("start", "nats")

    assert not server.is_running()
    assert shop.pids["nats"] != server.pid


def test_the_services_of_a_killed_fork_server_are_restarted(shop: StubShop) -> None:
    services = [shop.pids[name] for name in ("stock", "payment")]
    processes = [psutil.Process(pid) for pid in services]
    forker = processes[0].parent()

    forker.kill()
    _, alive = psutil.wait_procs(processes, timeout=5)
    for name in ("stock", "payment"):
        shop.command("start", name)

    assert alive == []
    assert not set(services) & set(shop.pids.values())


def test_a_stopped_part_stays_down_until_it_is_started(shop: StubShop) -> None:
    shop.command("stop", "payment")
    stopped = {view["name"]: view["state"] for view in shop.command("views")}
    shop.command("start", "payment")
    started = {view["name"]: view["state"] for view in shop.command("views")}

    assert stopped["payment"] == "stopped"
    assert started["payment"] == "ready"


def test_an_unknown_part_is_answered_with_the_known_ones(shop: StubShop) -> None:
    with pytest.raises(
        CommandError, match="there is no bakery: the parts are postgres, nats, set-up, stock"
    ):
        shop.command("stop", "bakery")


def test_a_second_shop_in_the_same_home_is_refused(shop: StubShop) -> None:
    output = failed_start(shop.home.path, free_base())

    assert f"already running in {shop.home.path} (pid {shop.process.pid})" in output


def test_a_closed_shop_leaves_no_process_and_opens_again_with_its_data(
    open_shop: OpenShop,
) -> None:
    first = open_shop()
    processes, content = first.processes(), first.shop_json
    assert first.close() == 0
    assert first.output.splitlines()[-1] == "The shop is closed; its data are kept."
    _, alive = psutil.wait_procs(processes, timeout=5)

    second = open_shop()

    assert alive == []
    assert second.shop_json["logins"] == content["logins"]
    assert second.shop_json["databases"] == content["databases"]


def test_a_killed_supervisor_leaves_no_process_and_the_next_one_opens(
    open_shop: OpenShop,
) -> None:
    first = open_shop()
    processes = first.processes()

    first.process.kill()
    _, alive = psutil.wait_procs(processes, timeout=5)
    second = open_shop()

    assert alive == []
    assert second.process.poll() is None


def test_a_shop_opens_while_the_processes_of_a_killed_supervisor_still_end(
    open_shop: OpenShop,
) -> None:
    first = open_shop()
    os.kill(first.pids["stock"], signal.SIGSTOP)  # it cannot notice that the supervisor ends

    first.process.kill()
    second = open_shop()

    assert second.ask("/stocks").status == 200


def is_importing(child: psutil.Process) -> bool:
    """Whether it is the fork server, in the middle of its imports, which take about a second."""
    try:
        return "forkserver" in " ".join(child.cmdline()) and child.cpu_times().user > 0.2
    except psutil.NoSuchProcess:  # a short-lived process
        return False


def test_ctrl_c_during_the_imports_is_answered_with_one_sentence(folder: Path, base: int) -> None:
    shop = start(folder / "home", base)
    supervisor = psutil.Process(shop.process.pid)
    while not any(is_importing(child) for child in supervisor.children()):
        time.sleep(0.01)

    shop.ctrl_c()
    output, _ = shop.process.communicate(timeout=60)

    assert shop.process.returncode == 130
    assert [line for line in output.splitlines() if AS_ROOT not in line] == [INTERRUPTED]


def test_ctrl_c_during_the_start_closes_the_parts_that_run(folder: Path, base: int) -> None:
    shop = start(folder / "home", base)
    assert shop.process.stdout is not None
    first = next(line for line in shop.process.stdout if AS_ROOT not in line)
    processes = shop.processes()

    shop.ctrl_c()
    output, _ = shop.process.communicate(timeout=60)
    _, alive = psutil.wait_procs(processes, timeout=5)

    assert "ready on port" in first
    assert shop.process.returncode == 130
    assert output.splitlines()[-1] == INTERRUPTED
    assert "Traceback" not in output
    assert "restarting" not in output
    assert alive == []


def test_a_part_that_cannot_start_closes_the_shop_and_shows_its_last_log_lines(
    folder: Path, base: int
) -> None:
    output = failed_start(folder / "home", base, "stock")

    assert "stock does not start: ended with exit code 1" in output
    assert "the reason is written here" in output


def test_a_taken_port_is_reported_with_its_holder(shop: StubShop, folder: Path) -> None:
    output = failed_start(folder / "home", shop.base)

    assert f"port {shop.base + 1} is taken by " in output
    assert f"(pid {shop.pids['stock']}): use other ports with `" in output
    assert "--port-base" in output
    assert not (folder / "home").exists()

"""`roadbike up` with the real services: opened, used, closed, opened again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

from roadbike.local.jobs.demo_data import bikes

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def roadbike(folder: Path) -> Iterator[Command]:
    """A function that runs the command on one home; the shop is closed at the end."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603  this same program
            [sys.executable, "-m", "roadbike", *arguments, "--home", folder / "home"],
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    run("down")


def shop_json(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "home" / "shop.json").read_text())
    return content


def get(port: int, path: str) -> dict[str, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        body: dict[str, Any] = json.loads(connection.getresponse().read())
        return body
    finally:
        connection.close()


def test_a_shop_opens_in_the_background_with_demo_bikes_and_users(
    roadbike: Command, folder: Path, base: int
) -> None:
    opened = roadbike("up", "--detach", "--port-base", str(base))
    status = roadbike("status", "--json")
    tokens = [roadbike("token", user).stdout for user in ("buyer", "buyer2", "admin")]
    stocks = get(base + 8, "/stocks?size=100")
    first = shop_json(folder)
    log = (folder / "home" / "logs" / "supervisor.log").read_text()
    processes = [psutil.Process(pid) for pid in first["pids"].values()]
    outside = [roadbike("logs", path) for path in ("../shop", "../logs/stock", "/etc/passwd")]
    closed = roadbike("down")
    token_of_closed = roadbike("token", "buyer")
    _, alive = psutil.wait_procs(processes, timeout=5)
    again = roadbike("up", "--detach", "--port-base", str(base))

    assert opened.returncode == 0, opened.stdout + opened.stderr
    assert f"The shop is open at http://127.0.0.1:{base + 8}" in opened.stdout
    assert all(password in opened.stdout for password in first["logins"].values())
    assert not any(password in log for password in first["logins"].values())
    assert status.returncode == 0
    assert {row["part"] for row in json.loads(status.stdout) if row["ready"]} >= first[
        "ports"
    ].keys()
    assert all(len(token.strip().split(".")) == 3 for token in tokens)
    assert stocks["page"]["totalElements"] == len(list(bikes()))
    assert {log.returncode for log in outside} == {1}
    assert all("there is no log of" in log.stderr for log in outside)
    assert closed.returncode == 0
    assert token_of_closed.returncode == 1
    assert "no shop is running" in token_of_closed.stderr  # its port may be anybody's
    assert alive == []
    assert again.returncode == 0, again.stdout + again.stderr
    assert shop_json(folder)["logins"] == first["logins"]
    assert get(base + 8, "/stocks?size=100")["_embedded"] == stocks["_embedded"]
    assert "The shop is open" in log
    assert len(roadbike("token", "buyer").stdout.split(".")) == 3


def test_ctrl_c_closes_the_shop_in_order_and_fresh_makes_new_data(
    roadbike: Command, folder: Path, base: int
) -> None:
    roadbike("up", "--detach", "--port-base", str(base))
    before = shop_json(folder)
    roadbike("down")

    shop = subprocess.Popen(  # noqa: S603  this same program
        [
            *(sys.executable, "-m", "roadbike", "up", "--fresh", "--yes"),
            *("--home", folder / "home", "--port-base", str(base)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert shop.stdout is not None
    for line in shop.stdout:
        if "down --home" in line:  # the last line of the summary
            break
    after = shop_json(folder)
    processes = [psutil.Process(pid) for pid in after["pids"].values()]
    os.killpg(shop.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
    output, _ = shop.communicate(timeout=30)
    _, alive = psutil.wait_procs(processes, timeout=5)

    assert shop.returncode == 0
    assert alive == []
    assert after["logins"] != before["logins"]
    assert output.index("reservation: stopped") < output.index("postgres: stopped")
    assert "restarting" not in output


def test_the_demo_stock_has_a_dozen_models_and_bike_1_of_the_java_version() -> None:
    stock = list(bikes())

    assert len({bike["bikeNm"] for bike in stock}) >= 12
    assert len({bike["bikeId"] for bike in stock}) == len(stock)
    assert (stock[0]["bikeId"], stock[0]["bikeNm"], stock[0]["price"]) == (
        1,
        "TREK Emonda",
        5_100_000,
    )

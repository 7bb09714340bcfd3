"""shop.json: kept from start to start, and data of another version are refused."""

import json
from pathlib import Path

import pytest

from roadbike.local import home as homes
from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.invocation import command_line
from roadbike.local.ports import Ports
from roadbike.local.services import SERVICES
from tests.local.shop_files import a_shop_file


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = homes.at(tmp_path / "home")
    homes.open_home(home)
    return home


def test_a_new_home_has_no_shop_file(home: Home) -> None:
    assert shop_file.read(home) is None
    assert shop_file.pids(home) == {}


def test_what_is_written_is_read_again(home: Home) -> None:
    shop = a_shop_file(open=True, pids={"stock": 7}, logins={"buyer": "secret"})

    shop_file.write(home, shop)

    assert shop_file.read(home) == shop
    assert json.loads(home.shop_json.read_text())["format"] == shop_file.FORMAT


def test_a_second_start_keeps_the_log_ins_and_takes_the_new_ports(home: Home) -> None:
    shop_file.begin(home, Ports(20_000), SERVICES)
    first = shop_file.read_known(home)
    shop_file.update(home, demo=True, open=True, pids={"stock": 7})

    shop_file.begin(home, Ports(30_000), SERVICES)

    second = shop_file.read_known(home)
    assert (second.logins, second.demo) == (first.logins, True)
    assert (second.open, second.pids) == (False, {})
    assert second.gateway == "http://127.0.0.1:30008"


OLD = {"home": "/x", "open": False, "pids": {"stock": 7}}


@pytest.mark.parametrize("content", [OLD, OLD | {"format": 0}, OLD | {"format": 2}])
def test_a_home_of_another_version_is_refused_and_its_processes_are_known(
    home: Home, content: dict[str, object]
) -> None:
    home.shop_json.write_text(json.dumps(content))

    with pytest.raises(CommandError) as refused:
        shop_file.read(home)

    assert str(refused.value) == (
        f"{home.path} was made by another version of this program: delete its data with "
        f"`{command_line('up --fresh', home)}`, or open it with the version that made it"
    )
    assert shop_file.pids(home) == {"stock": 7}


@pytest.mark.parametrize(
    "data", ["postgres/data/PG_VERSION", "nats/data/stream", "delivery/delivery.db"]
)
def test_data_without_a_shop_file_are_refused(home: Home, data: str) -> None:
    (home.path / data).parent.mkdir(parents=True, exist_ok=True)
    (home.path / data).touch()

    with pytest.raises(CommandError, match=r"has data but no shop\.json: put that file back, or"):
        shop_file.read(home)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}'])
def test_a_damaged_shop_file_is_refused(home: Home, content: str) -> None:
    home.shop_json.write_text(content)

    with pytest.raises(CommandError, match=r"has a damaged shop\.json"):
        shop_file.read(home)
    assert shop_file.pids(home) == {}

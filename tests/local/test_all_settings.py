"""Every wrong setting is named, all of them at once, before anything is made."""

import subprocess
import sys
from pathlib import Path

import pytest

from roadbike.kit.process.setting_faults import SettingError
from roadbike.local import all_settings
from roadbike.local.ports import Ports
from roadbike.local.servers import addresses

WRONG = {
    "ROADBIKE_OVERBOKK": "1",
    "ROADBIKE_HANG_SECONDS": "1",
    "ROADBIKE_HOSTS": "bikes.example, http://a.example, b.example:80",
    "ROADBIKE_CORS_ORIGINS": "c.example,https://d.example,https://e.example/path",
    "ROADBIKE_OVERBOOK": "-1",
    "ROADBIKE_LOGIN_WINDOW_SECONDS": "soon",
    "ROADBIKE_OPEN_DELAY_MIN_MS": "9",
    "ROADBIKE_OPEN_DELAY_MAX_MS": "8",
    "G_STORE": "two\nlines",
}
NAMED = (
    "ROADBIKE_OVERBOKK is not a setting: did you mean ROADBIKE_OVERBOOK?",
    "ROADBIKE_HANG_SECONDS is 1: give seconds",
    "ROADBIKE_HOSTS has http://a.example, which is not a host name",
    "ROADBIKE_HOSTS has b.example:80, which is not a host name",
    "ROADBIKE_CORS_ORIGINS has c.example, which is not an origin",
    "ROADBIKE_CORS_ORIGINS has https://e.example/path, which is not an origin",
    "ROADBIKE_OVERBOOK is wrong: it must be 0 or more",
    "G_STORE is wrong: it must be one line",
    "ROADBIKE_OPEN_DELAY_MIN_MS is 9, but must not be above ROADBIKE_OPEN_DELAY_MAX_MS",
    "ROADBIKE_LOGIN_WINDOW_SECONDS is wrong: it must be a whole number",
)


def test_all_wrong_settings_are_named_at_once() -> None:
    sentences = [fault.in_("en") for fault in all_settings.faults(WRONG)]

    assert len(sentences) == len(NAMED), sentences
    for sentence in NAMED:
        assert [each for each in sentences if each.startswith(sentence)], sentence


def test_right_settings_have_no_faults() -> None:
    assert all_settings.faults({}) == []
    assert all_settings.faults({"ROADBIKE_HANG_SECONDS": "", "G_STORE": " 강남점 "}) == []


def test_settings_that_the_shop_makes_itself_are_not_checked() -> None:
    environ = {"ROADBIKE_DATABASE_URL": "mysql://x", "ROADBIKE_PORT": "http"}

    assert all_settings.faults(environ) == []


def test_up_names_them_before_anything_is_made(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603  this same program
        [sys.executable, "-m", "roadbike", "up", "--home", tmp_path / "home"],
        capture_output=True,
        text=True,
        check=False,
        env=WRONG | {"LANG": "C.UTF-8"},
    )

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == len(NAMED)
    assert list(tmp_path.iterdir()) == []


def test_host_names_are_added() -> None:
    assert addresses.hosts({}) == ["127.0.0.1", "localhost", "::1", "[::1]"]
    assert addresses.hosts({"ROADBIKE_HOSTS": "bikes.example, b.example"})[4:] == [
        "bikes.example",
        "b.example",
    ]
    for wrong in ("http://bikes.example", "bikes.example:80", "`) || PathPrefix(`/"):
        with pytest.raises(SettingError, match=r"ROADBIKE_HOSTS has .* not a host name"):
            addresses.hosts({"ROADBIKE_HOSTS": wrong})


def test_origins_are_replaced_and_have_the_form_that_browsers_send() -> None:
    chosen = {"ROADBIKE_CORS_ORIGINS": "https://A.example:443/, http://b.example:8080"}

    assert addresses.origins(Ports(8080), chosen) == ["https://a.example", "http://b.example:8080"]
    assert addresses.origins(Ports(8080), {"ROADBIKE_CORS_ORIGINS": ""}) == []

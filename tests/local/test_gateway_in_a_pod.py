"""The gateway in a pod: its routes and middlewares are those of one machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from roadbike.local.commands import gateway
from roadbike.local.errors import CommandError
from roadbike.local.ports import Ports
from roadbike.local.servers import pod, traefik
from roadbike.local.services import SERVICES
from tests.ports import free_base

KEY = {"ROADBIKE_GATEWAY_KEY": "k" * 32}
LIMITED = {"ROADBIKE_CLIENT_REQUESTS_PER_SECOND": "50", "ROADBIKE_HOSTS": "shop.example"}
FOLDER = Path("/etc/traefik")
PATIENCE_SECONDS = 30.0


def on_one_machine(environ: dict[str, str]) -> Any:
    ports = Ports()
    urls = {spec.name: [f"http://127.0.0.1:{spec.port(ports)}"] for spec in SERVICES}
    return traefik.configuration(FOLDER, ports, environ, urls, KEY["ROADBIKE_GATEWAY_KEY"])


def with_addresses_of_one_machine(files: Any) -> Any:
    """Replace where a service, the fallback and the gateway itself are, and nothing else."""
    there, here = pod.PORTS, Ports()
    text = json.dumps(files)
    for ours, theirs in ((there.fallback, here.fallback), (there.limits, here.limits)):
        text = text.replace(f"127.0.0.1:{ours}", f"127.0.0.1:{theirs}")
    for spec in SERVICES:
        text = text.replace(f"http://{spec.name}:8080", f"http://127.0.0.1:{spec.port(here)}")
    text = text.replace(f'":{there.gateway}"', f'"127.0.0.1:{here.gateway}"')
    return json.loads(text)


@pytest.mark.parametrize("environ", [{}, LIMITED], ids=["as it is", "with a limit"])
def test_routes_and_middlewares_are_those_of_one_machine(environ: dict[str, str]) -> None:
    origins = {"ROADBIKE_CORS_ORIGINS": "https://shop.example"}

    files = with_addresses_of_one_machine(pod.configuration(FOLDER, environ | origins | KEY))

    assert files[traefik.ROUTING]["http"]["routers"].pop(pod.PROBES)["service"] == "ping@internal"
    assert files[traefik.CONFIG]["entryPoints"].pop(pod.PROBES) == {"address": ":8087"}
    assert files[traefik.CONFIG].pop("ping") == {"manualRouting": True}
    expected = json.loads(json.dumps(on_one_machine(environ | origins)))
    expected[traefik.CONFIG].pop("ping", None)  # with a limit of clients it is there, too
    assert files == expected


def test_x_forwarded_for_is_believed_from_these_networks_only() -> None:
    files = pod.configuration(FOLDER, KEY, trusted=["10.0.0.0/8"])

    entry = files[traefik.CONFIG]["entryPoints"][traefik.ENTRY_POINT]
    assert entry["forwardedHeaders"] == {"trustedIPs": ["10.0.0.0/8"]}
    assert (
        "forwardedHeaders"
        not in pod.configuration(FOLDER, KEY)[traefik.CONFIG]["entryPoints"][traefik.ENTRY_POINT]
    )


def test_the_files_are_written_and_a_wrong_url_is_named(tmp_path: Path) -> None:
    gateway.write(tmp_path, KEY, pod.SERVICE_URL, [])

    assert {file.name for file in tmp_path.iterdir()} == {traefik.CONFIG, traefik.ROUTING}
    with pytest.raises(CommandError, match="no URL of services"):
        gateway.write(tmp_path, KEY, "http://{other}:1", [])
    with pytest.raises(CommandError, match="cannot be written"):
        gateway.write(tmp_path / "missing", KEY, pod.SERVICE_URL, [])


def test_the_fallback_answers_until_it_is_stopped() -> None:
    port = free_base(0)
    command = [sys.executable, "-m", "roadbike", "serve-fallback", "--port", str(port)]
    with subprocess.Popen(command, env={"PATH": os.environ["PATH"]}) as process:  # noqa: S603  our own
        try:
            status = status_when_it_answers(f"http://127.0.0.1:{port}/stocks")
        finally:
            process.send_signal(signal.SIGTERM)

    assert status == 503
    assert process.returncode == 0


def status_when_it_answers(url: str) -> int:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urlopen(url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310  our own
                return int(answer.status)
        except HTTPError as refusal:
            return refusal.code
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)

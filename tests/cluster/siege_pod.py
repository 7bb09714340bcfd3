"""The program siege in a pod of the cluster, and what it reports."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.cluster.kubectl import NAMESPACE, ROOT, kubectl
from tests.system.siege import MOST_CLIENTS, SETTINGS

MANIFEST: Final = ROOT / "deploy/k8s/tools/siege.yaml"


@dataclass
class Load:
    """One run of siege; its result is there when it has ended."""

    result: dict[str, Any]

    @property
    def availability(self) -> float:
        """Return the per cent of requests with a status below 400."""
        return float(self.result["availability"])

    @property
    def count(self) -> int:
        """Return the number of requests that were answered so."""
        return int(self.result["transactions"])

    def __str__(self) -> str:
        of = self.result
        return (
            f"{of['availability']:.2f} % of {self.count + of['failed_transactions']}, "
            f"{of['transaction_rate']:.0f}/s, longest {of['longest_transaction']:.2f} s"
        )


def start(token: str, bike_id: int, folder: Path) -> None:
    """Start the pod; its token and URLs are in the Secret `siege`."""
    post = f'POST {{"bikeId":{bike_id}}}'
    files = {
        "siegerc": SETTINGS.format(limit=MOST_CLIENTS)
        + f"header = Authorization: Bearer {token}\nheader = Content-Type: application/json\n",
        "post": f"http://reservation:8080/reservations {post}\n",
        "get": "http://reservation:8080/reservations/catalogue\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    kubectl("delete", "pod/siege", "secret/siege", "--ignore-not-found")
    sources = [f"--from-file={folder / name}" for name in files]
    kubectl("create", "secret", "generic", "siege", *sources)
    kubectl("apply", f"--filename={MANIFEST}")
    kubectl("wait", "pod/siege", "--for=condition=Ready", "--timeout=120s")


@contextmanager
def load(file: str, clients: int, seconds: int, delay: float = 0) -> Iterator[Load]:
    """Run `siege -c CLIENTS -t SECONDS` during the block, and wait for its end."""
    options = ["--rc=/siege/siegerc", f"-c{clients}", f"-t{seconds}S", f"-f/siege/{file}"]
    options += [f"-d{delay:g}"] if delay else ["-b"]
    command = ["kubectl", "--namespace", NAMESPACE, "exec", "siege", "--", "siege", *options]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603  fixed program
    found = Load({})
    try:
        yield found
        out, err = running.communicate(timeout=seconds + 60)
        assert running.returncode == 0, out + err
        found.result.update(json.loads(out[out.index("{") :]))
    finally:
        running.kill()
        running.communicate()

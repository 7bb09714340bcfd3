"""The program siege in a pod of the cluster, and what it reports."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

from tests.cluster.kubectl import NAMESPACE, ROOT, kubectl
from tests.system.siege import MOST_CLIENTS, SETTINGS

MANIFEST: Final = ROOT / "deploy/k8s/tools/siege.yaml"


@dataclass
class Load:
    """One run of siege; its result is there when it has ended.

    made: how many reservations there are more than before.
    """

    result: dict[str, Any]
    made: int = 0

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
            f"{of['transaction_rate']:.0f}/s, longest {of['longest_transaction']:.2f} s, "
            f"{self.made} reserved"
        )


def start(token: str, bike_id: int, folder: Path) -> None:
    """Start the pod; its token and URLs are in the Secret `siege`."""
    post = f'POST {{"bikeId":{bike_id}}}'
    files = {
        "siegerc": SETTINGS.format(limit=MOST_CLIENTS)
        + "failures = 1000000\n"  # else it gives up after some
        + f"header = Authorization: Bearer {token}\n",
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


@dataclass(frozen=True)
class Siege:
    """The pod. count: returns how many reservations there are."""

    count: Callable[[], int]

    @contextmanager
    def load(self, file: str, clients: int, seconds: int, delay: float = 0) -> Iterator[Load]:
        """Run `siege -c CLIENTS -t SECONDS` during the block, and wait for its end.

        Raises AssertionError when fewer reservations were made than it has counted: siege takes
        some answers for successes that are none.
        """
        options = ["--rc=/siege/siegerc", f"-c{clients}", f"-t{seconds}S", f"-f/siege/{file}"]
        options += ["--content-type=application/json", f"-d{delay:g}" if delay else "-b"]
        command = ["kubectl", "--namespace", NAMESPACE, "exec", "siege", "--", "siege", *options]
        before, found = self.count(), Load({})
        running = subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True)  # noqa: S603  fixed program
        try:
            yield found
            out, err = running.communicate(timeout=seconds + 60)
            assert running.returncode == 0, out + err
            found.result.update(json.loads(out[out.index("{") :]))
            found.made = self.count() - before
            assert found.made >= found.count * (file == "post"), f"{found}\n{out}"
        finally:
            running.kill()
            running.communicate()

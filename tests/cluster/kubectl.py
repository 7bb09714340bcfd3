"""The cluster of KUBECONFIG, by kubectl."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
OVERLAYS: Final = ROOT / "deploy/k8s/overlays"
NAMESPACE: Final = "roadbike"


def kubectl(*arguments: str, stdin: str | None = None, seconds: float = 300) -> str:
    """Return what it prints. Raises AssertionError with its messages when it fails."""
    done = subprocess.run(  # noqa: S603  fixed program
        ["kubectl", "--namespace", NAMESPACE, *arguments],  # noqa: S607  of the cluster, in PATH
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def get(kind: str, *selection: str) -> Any:
    """Return the object, or the list of objects."""
    return json.loads(kubectl("get", kind, *selection, "--output=json"))


def pods(app: str) -> list[Any]:
    """Return the pods of it that are not about to end."""
    found: list[Any] = get("pods", f"--selector=app={app}")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def running(app: str) -> int:
    """Return the number of its pods that run, those that are about to end too."""
    found = get("pods", f"--selector=app={app}")["items"]
    return sum(pod["status"]["phase"] == "Running" for pod in found)


def is_ready(pod: Any) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def ready_pods(app: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods(app) if is_ready(pod)}


def rolled_out(app: str, seconds: int = 180) -> None:
    """Wait until every pod is of the newest template and ready."""
    kubectl("rollout", "status", f"deployment/{app}", f"--timeout={seconds}s", seconds=seconds + 10)


def patched(app: str, *operations: dict[str, Any]) -> None:
    """Change the Deployment by JSON patches."""
    kubectl("patch", f"deployment/{app}", "--type=json", f"--patch={json.dumps(operations)}")


def until(look: Callable[[], Any], what: str, seconds: float = 120, pause: float = 0.5) -> Any:
    """Call it until it returns something true, and return that."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s\n{everything()}"
        time.sleep(pause)
    return found


def everything() -> str:
    """Return what there is, as a person would ask for it."""
    return kubectl("get", "all", "--output=wide") + kubectl(
        "get", "events", "--sort-by=.lastTimestamp"
    )

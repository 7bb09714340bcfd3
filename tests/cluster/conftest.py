"""A shop in the cluster, with servers beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import siege_pod
from tests.cluster.beside import servers
from tests.cluster.kubectl import kubectl, rolled_out
from tests.cluster.shop import SEEN, ClusterShop, as_it_was, opened
from tests.cluster.siege_pod import Siege
from tests.cluster.staff import Staff


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterShop]:
    """The shop of the test overlay, when all of it is ready."""
    folder = tmp_path_factory.mktemp("cluster")
    kubectl("delete", "namespace", "roadbike", "--ignore-not-found", "--timeout=120s")
    with servers(folder) as beside:
        yield opened(folder, beside)
        kubectl("delete", "namespace", "roadbike", "--timeout=120s")


@pytest.fixture(scope="module")
def staff(shop: ClusterShop) -> Staff:
    return Staff(shop)


@pytest.fixture(scope="module")
def bike(staff: Staff) -> int:
    return staff.bike()


@pytest.fixture
def siege(staff: Staff, bike: int, tmp_path: Path) -> Siege:
    """A pod with siege, whose token is new."""
    siege_pod.start(staff.token("buyer"), bike, tmp_path)
    return Siege(staff.count)


@pytest.fixture(scope="class")
def fixed_size() -> Iterator[None]:
    """One pod each of reservation and payment, without an autoscaler."""
    kubectl("delete", "hpa/reservation", "hpa/payment")
    for app in ("reservation", "payment"):
        kubectl("scale", f"deployment/{app}", "--replicas=1")
        rolled_out(app)
    yield
    as_it_was("reservation", "payment")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was seen."""
    for text in SEEN:
        terminalreporter.write_line(text)

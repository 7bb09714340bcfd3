"""The operations of the requirements, each on a real cluster, with the figures seen."""

from typing import Final

import pytest

from roadbike.ops.drills import stock_outage
from roadbike.ops.drills.drill import Size
from tests.cluster.kubectl import (
    OVERLAYS,
    ROOT,
    get,
    kubectl,
    patched,
    pods,
    ready_pods,
    rolled_out,
    running,
    until,
)
from tests.cluster.shop import APPS, ClusterShop, as_it_was, command, figure
from tests.cluster.siege_pod import Siege
from tests.cluster.staff import Staff
from tests.cluster.timeline import Timeline, shown

pytestmark = pytest.mark.cluster

AUDIT: Final = ROOT / "deploy/k8s/tools/audit.yaml"
SLOW_START: Final = ["sh", "-c", 'sleep 5; exec roadbike "$@"', "slow"]
NO_DRAIN: Final = {"name": "ROADBIKE_DRAIN_MS", "value": "0"}
CONTAINER: Final = "/spec/template/spec/containers/0"
STOP: Final = (  # a pod that ends still answers on connections that it has
    "sh -c 'kubectl --namespace roadbike scale deployment/{service} --replicas=0 && "
    "kubectl --namespace roadbike wait --for=delete pod --selector app={service} --timeout=60s'"
)
START: Final = (
    "sh -c 'kubectl --namespace roadbike scale deployment/{service} --replicas=1 && "
    "kubectl --namespace roadbike rollout status deployment/{service} --timeout=120s'"
)
RESTART: Final = (
    "sh -c 'kubectl --namespace roadbike rollout restart deployment/{service} && "
    "kubectl --namespace roadbike rollout status deployment/{service} --timeout=120s'"
)
SET: Final = (
    "sh -c 'kubectl --namespace roadbike set env deployment/{service} {settings} && "
    "kubectl --namespace roadbike rollout status deployment/{service} --timeout=120s'"
)


@pytest.fixture(scope="class")
def without_breaker(fixed_size: None) -> None:  # noqa: ARG001  which makes it as it was
    kubectl("set", "env", "deployment/reservation", "ROADBIKE_BREAKER=off")
    rolled_out("reservation")


@pytest.mark.usefixtures("shop")
def test_everything_is_there() -> None:
    figure(kubectl("get", "all"))

    assert {app for app in APPS if ready_pods(app)} == set(APPS)


def test_the_demo_passes(shop: ClusterShop) -> None:
    said = command("demo", "--home", str(shop.home), "--stopper", STOP, "--starter", START)

    figure(said)
    assert said.count("✓") == 13


def test_the_shop_is_named_by_a_config_map(staff: Staff, bike: int) -> None:
    """O6."""
    before = staff.reserved(bike)["reserveStore"]
    kubectl("create", "configmap", "g-store", "--from-literal=store=이천하이닉스점")
    try:
        kubectl("rollout", "restart", "deployment/reservation")
        rolled_out("reservation")
        # those of before still answer on connections that they have
        until(lambda: running("reservation") == len(pods("reservation")), "the old pods are gone")
        after = staff.reserved(bike)["reserveStore"]
    finally:
        kubectl("delete", "configmap", "g-store")

    figure(f"O6: {before} → {after}")
    assert (before, after) == ("분당야탑점", "이천하이닉스점")


def test_replicas_follow_the_load(siege: Siege) -> None:
    """O7."""
    until(lambda: len(pods("reservation")) == 1, "one pod before the load", 180)
    with Timeline(lambda: len(ready_pods("reservation"))) as seen:
        with siege.load("post", 30, 30) as load:
            pass
        pending = sum(pod["status"]["phase"] == "Pending" for pod in pods("reservation"))
        until(lambda: len(pods("reservation")) == 1, "one pod again", 240, pause=2)

    figure(f"O7: {load}; ready pods {shown(seen)}; {pending} did not fit")
    assert load.availability == 100
    assert max(count for _, count in seen) > 1


@pytest.mark.usefixtures("without_breaker")
class TestRollingUpdates:
    """O8."""

    @pytest.mark.parametrize("app", ["reservation", "payment"])
    def test_a_rolling_update_loses_no_request(self, app: str, siege: Siege) -> None:
        slow_start(app)
        shares, most, least = [], [], []
        for file, clients in (("get", 1), ("post", 30)):
            until(lambda: running(app) == 1, "one pod before the load")
            with (
                Timeline(lambda: running(app)) as pods_seen,
                Timeline(lambda: len(ready_pods(app))) as ready_seen,
                siege.load(file, clients, 30, delay=0.1) as load,
            ):
                kubectl("rollout", "restart", f"deployment/{app}")
                rolled_out(app)
            most.append(max(count for _, count in pods_seen))
            least.append(min(count for _, count in ready_seen))
            shares.append(load.availability)
            figure(f"O8: {app}, siege -c{clients} {file}: {load}; pods {shown(pods_seen)}")

        assert shares == [100, 100]
        assert most == [2, 2]
        assert least == [1, 1]  # the old one is kept until the new one is ready

    def test_without_probe_and_drain_the_same_update_loses_requests(self, siege: Siege) -> None:
        """The other way round."""
        slow_start("reservation")
        patched(
            "reservation",
            {"op": "remove", "path": f"{CONTAINER}/readinessProbe"},
            {"op": "remove", "path": f"{CONTAINER}/startupProbe"},
            {"op": "remove", "path": f"{CONTAINER}/lifecycle"},
            {
                "op": "add",
                "path": f"{CONTAINER}/env/-",
                "value": {"name": "ROADBIKE_DRAIN_MS", "value": "0"},
            },
        )
        rolled_out("reservation")
        with siege.load("post", 30, 30, delay=0.1) as load:
            kubectl("rollout", "restart", "deployment/reservation")
            rolled_out("reservation")

        figure(f"O8, without probe and drain: {load}")
        assert 0 < load.availability < 100


@pytest.mark.usefixtures("shop")
def test_a_wrong_liveness_probe_restarts_what_works() -> None:
    """O9."""
    kubectl("apply", f"--kustomize={OVERLAYS / 'liveness-broken'}", "--selector=app=delivery")
    restarts = until(lambda: restart_count("delivery"), "delivery is restarted", 180)
    events = kubectl("get", "events", "--field-selector=reason=Unhealthy", "--output=wide")

    figure(f"O9: delivery was restarted {restarts} times\n{events}")
    assert "8090" in events
    as_it_was("delivery")


def test_a_killed_pod_of_each_kind_is_replaced_and_nothing_is_lost(siege: Siege) -> None:
    with siege.load("post", 10, 40, delay=0.1) as load:
        for app in APPS:
            (victim, *_) = pods(app)
            name = victim["metadata"]["name"]
            kubectl("delete", f"pod/{name}", "--grace-period=0", "--force")
            until(lambda: ready_pods(app) - {name}, f"{app} is back", 90)  # noqa: B023  waited for

    figure(f"O9, a pod of each kind killed: {load}")
    audited()


@pytest.mark.usefixtures("fixed_size")
def test_an_outage_of_stock_is_caught_up_with(shop: ClusterShop) -> None:
    """O10 and N2."""
    settings = stock_outage.DRILL.settings(Size(small=True))
    pairs = [f"{name}={value}" for name, value in settings.items()]
    kubectl("set", "env", "deployment/reservation", *pairs)
    rolled_out("reservation")
    said = command(
        *("drill", "stock-outage", "--small", "--home", str(shop.home)),
        *("--stopper", STOP, "--starter", START),
    )

    figure(said)
    audited()


@pytest.mark.usefixtures("fixed_size")
def test_the_breaker_opens_and_closes_again(shop: ClusterShop) -> None:
    """O10."""
    said = command(
        *("drill", "breaker", "--small", "--home", str(shop.home), "--replicas", "1"),
        *("--stopper", STOP, "--starter", START, "--setter", SET, "--restarter", RESTART),
    )

    figure(said)


def audited() -> None:
    """Wait until nothing is left to do, and check all invariants, in the cluster."""
    kubectl("delete", "job/audit", "--ignore-not-found", "--wait")
    kubectl("apply", f"--filename={AUDIT}")

    def ended() -> bool:
        status = get("job", "audit")["status"]
        return bool(status.get("succeeded") or status.get("failed"))

    until(ended, "the audit has ended", 300)
    said = kubectl("logs", "job/audit")
    figure(said.strip().splitlines()[-1])
    assert get("job", "audit")["status"].get("succeeded") == 1, said


def slow_start(app: str) -> None:
    """Let its container wait for 5 s before it starts."""
    patched(app, {"op": "add", "path": f"{CONTAINER}/command", "value": SLOW_START})
    rolled_out(app)


def restart_count(app: str) -> int:
    counts = [
        each["restartCount"]
        for pod in pods(app)
        for each in pod["status"].get("containerStatuses", [])
    ]
    return max(counts, default=0)

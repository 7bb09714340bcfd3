"""The manifests: valid, refused by no admission, and without what a cluster must not have."""

import json
from typing import Any, Final

import pytest
import yaml

from roadbike.local.services import SERVICES
from tests.cluster.kubectl import OVERLAYS, kubectl

pytestmark = pytest.mark.cluster

NAMES: Final = ("dev", "production", "test", "liveness-broken")
PORT: Final = 8080


def objects(overlay: str) -> list[Any]:
    return list(yaml.safe_load_all(kubectl("kustomize", str(OVERLAYS / overlay))))


def of_kind(overlay: str, kind: str) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in objects(overlay) if each["kind"] == kind}


@pytest.mark.parametrize("overlay", NAMES)
def test_the_cluster_would_take_it_strictly(overlay: str) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "roadbike"}}
    kubectl("apply", "--filename=-", stdin=json.dumps(namespace))
    options = ("--dry-run=server", "--validate=strict")

    said = kubectl("apply", f"--kustomize={OVERLAYS / overlay}", *options)

    assert said.count("(server dry run)") == len(objects(overlay))


@pytest.mark.parametrize("overlay", NAMES)
def test_each_service_is_there_with_all_that_keeps_it_running(overlay: str) -> None:
    deployments, services = of_kind(overlay, "Deployment"), of_kind(overlay, "Service")
    scalers = of_kind(overlay, "HorizontalPodAutoscaler")

    assert set(deployments) == {*(spec.name for spec in SERVICES), "gateway"}
    assert set(services) == set(scalers) == set(of_kind(overlay, "PodDisruptionBudget"))
    assert set(services) == set(deployments)
    for name, deployment in deployments.items():
        assert "replicas" not in deployment["spec"], name  # the autoscaler's
        (port,) = services[name]["spec"]["ports"]
        assert (port["port"], port["targetPort"]) == (PORT, "http")
    assert set(of_kind(overlay, "Job")) == {
        *(f"migrate-{spec.name}" for spec in SERVICES),
        "set-up-broker",
    }


@pytest.mark.parametrize("overlay", ["dev", "production", "test"])
def test_each_pod_is_probed_drained_and_bounded(overlay: str) -> None:
    for name, deployment in of_kind(overlay, "Deployment").items():
        main, *_ = deployment["spec"]["template"]["spec"]["containers"]
        assert {"livenessProbe", "readinessProbe", "startupProbe"} <= set(main), name
        assert main["lifecycle"]["preStop"]["sleep"]["seconds"] >= 5, name
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            for each in ("requests", "limits"):
                assert {"cpu", "memory"} == set(container["resources"][each]), name


@pytest.mark.parametrize("overlay", NAMES)
def test_nothing_secret_is_in_it_and_no_pod_has_rights(overlay: str) -> None:
    found = objects(overlay)
    workloads = [each for each in found if each["kind"] in {"Deployment", "Job"}]

    assert not [each for each in found if each["kind"] == "Secret"]
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_production_is_as_the_requirements_say() -> None:
    reservation = of_kind("production", "Deployment")["reservation"]
    (container,) = reservation["spec"]["template"]["spec"]["containers"]
    scaler = of_kind("production", "HorizontalPodAutoscaler")["reservation"]["spec"]
    (metric,) = scaler["metrics"]

    assert container["resources"]["requests"]["cpu"] == "250m"
    assert container["resources"]["limits"]["cpu"] == "500m"
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 10)
    assert metric["resource"]["target"]["averageUtilization"] == 15
    assert of_kind("production", "Service")["gateway"]["spec"]["type"] == "LoadBalancer"
    store = next(each for each in container["env"] if each["name"] == "G_STORE")
    assert store["valueFrom"]["configMapKeyRef"] == {
        "name": "g-store",
        "key": "store",
        "optional": True,
    }


def test_who_may_call_whom_is_as_the_services_say() -> None:
    """The network policies let in those who may call /internal, and the gateway."""
    policies = of_kind("production", "NetworkPolicy")
    for spec in SERVICES:
        (rule,) = policies[spec.name]["spec"]["ingress"]
        (selector,) = rule["from"]
        (wanted,) = selector["podSelector"]["matchExpressions"]
        assert {"gateway", *spec.callers} <= set(wanted["values"]), spec.name

"""The checks of uv.lock fail for what they are made for, and the list of components is complete."""

import re
import sys
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from subprocess import run
from typing import Any

import msgspec
import pytest

from tools.supply.lock import faults, read_lock
from tools.supply.sbom import sbom

ROOT = Path(__file__).parents[1]
UV = ROOT / "tools/supply/uv.txt"
LOCKED = read_lock()
NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


@pytest.fixture
def packages() -> list[Any]:
    """The packages of uv.lock, to be changed."""
    return deepcopy(LOCKED)


def named(packages: list[Any], name: str) -> Any:
    (found,) = [package for package in packages if package["name"] == name]
    return found


def test_nothing_is_wrong_with_the_lock_file(packages: list[Any]) -> None:
    assert len(packages) > 50
    assert faults(packages) == []


@pytest.mark.parametrize("version", ["2.3.0", "2.12.99", "2.13.0rc1"])
def test_an_old_version_is_found(packages: list[Any], version: str) -> None:
    named(packages, "pyjwt")["version"] = version

    (fault,) = faults(packages)
    assert fault.startswith(f"pyjwt: {version} is older than 2.13.0")


@pytest.mark.parametrize("version", ["2.13", "2.13.0", "2.13.0.post1", "2.100.0", "3.0.0"])
def test_a_later_version_is_not_a_fault(packages: list[Any], version: str) -> None:
    named(packages, "pyjwt")["version"] = version

    assert faults(packages) == []


def test_a_second_old_version_is_found(packages: list[Any]) -> None:
    packages.append(named(packages, "pyjwt") | {"version": "2.3.0"})

    assert [fault.partition(":")[0] for fault in faults(packages)] == ["pyjwt"]


def test_a_package_that_may_not_be_used_is_found(packages: list[Any]) -> None:
    packages.append(named(packages, "h11") | {"name": "starlette", "version": "9.0"})

    assert [fault.partition(" (")[0] for fault in faults(packages)] == [
        "starlette: may not be used"
    ]


def test_a_minimum_version_of_a_package_that_is_gone_is_found(packages: list[Any]) -> None:
    packages.remove(named(packages, "h11"))

    assert faults(packages) == ["h11: is not in uv.lock any more, delete its minimum version"]


def test_an_empty_lock_file_is_a_fault(packages: list[Any]) -> None:
    assert faults([named(packages, "roadbike")]) == ["uv.lock: has no packages"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"source": {"registry": "https://example.org/simple"}}, "does not come from"),
        ({"source": {"git": "https://example.org/h11"}}, "does not come from"),
        ({"source": {"editable": "elsewhere"}}, "does not come from"),
        ({"wheels": [], "sdist": {"url": "https://files.example/a"}}, "has no SHA-256"),
        ({"sdist": {"url": "x", "hash": "md5:0"}}, "has no SHA-256"),
        ({"sdist": {"url": "http://a", "hash": f"sha256:{'0' * 64}"}}, "is not at https"),
    ],
)
def test_another_origin_is_found(packages: list[Any], change: dict[str, Any], fault: str) -> None:
    named(packages, "h11").update(change)

    found = faults(packages)
    assert found
    assert all(text.startswith("h11: ") for text in found)
    assert fault in "\n".join(found)


def test_a_package_without_files_is_found(packages: list[Any]) -> None:
    del named(packages, "h11")["wheels"], named(packages, "h11")["sdist"]

    assert faults(packages) == ["h11: has no files"]


def test_the_list_of_components_has_every_package(packages: list[Any]) -> None:
    document = sbom(packages, NOW)

    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(
        r"urn:uuid:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", document["serialNumber"]
    )
    assert document["metadata"]["timestamp"] == "2026-11-26T03:00:00+00:00"
    assert document["metadata"]["component"]["name"] == "roadbike"
    listed = {(one["name"], one["version"]) for one in document["components"]}
    locked = {(one["name"], one["version"]) for one in packages if one["name"] != "roadbike"}
    assert listed == locked


def test_every_component_can_be_identified(packages: list[Any]) -> None:
    document = sbom(packages, NOW)

    for one in document["components"]:
        assert one["type"] == "library"
        assert one["bom-ref"] == one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}"
        files = one["externalReferences"]
        assert files, one["name"]
        for file in files:
            assert file["type"] == "distribution"
            ((alg, content),) = [(each["alg"], each["content"]) for each in file["hashes"]]
            assert alg == "SHA-256"
            assert re.fullmatch(r"[0-9a-f]{64}", content)
    refs = [one["bom-ref"] for one in document["components"]]
    assert len(refs) == len(set(refs))


def test_dependencies_name_components(packages: list[Any]) -> None:
    document = sbom(packages, NOW)

    own = document["metadata"]["component"]["bom-ref"]
    refs = {own, *(one["bom-ref"] for one in document["components"])}
    edges = {one["ref"]: one["dependsOn"] for one in document["dependencies"]}
    assert edges.keys() == refs
    assert {ref for refs in edges.values() for ref in refs} <= refs
    assert f"pkg:pypi/pyjwt@{named(packages, 'pyjwt')['version']}" in edges[own]


def test_tools_are_marked_as_not_needed_by_the_shop(packages: list[Any]) -> None:
    scopes = {one["name"]: one["scope"] for one in sbom(packages, NOW)["components"]}

    assert scopes["pyjwt"] == scopes["anyio"] == scopes["greenlet"] == "required"
    assert scopes["pytest"] == scopes["ruff"] == scopes["mypy"] == "excluded"


def test_licences_are_those_of_the_installed_packages(packages: list[Any]) -> None:
    licences = {one["name"]: one.get("licenses") for one in sbom(packages, NOW)["components"]}

    assert licences["cryptography"] == [{"expression": "Apache-2.0 OR BSD-3-Clause"}]
    assert licences["litestar"] == [{"license": {"name": "MIT License"}}]
    for listed in filter(None, licences.values()):
        assert len(listed) == 1 or not any("expression" in one for one in listed)


def test_the_command_writes_the_list(tmp_path: Path) -> None:
    path = tmp_path / "sbom.json"

    run(  # noqa: S603  our own module
        [sys.executable, "-m", "tools.supply", "--sbom", path], cwd=ROOT, check=True
    )

    document = msgspec.json.decode(path.read_bytes())
    assert document["components"] == sbom(read_lock(), NOW)["components"]


def test_uv_is_installed_by_hash() -> None:
    text = UV.read_text()

    assert re.search(r"^uv==\d+\.\d+\.\d+ ", text, re.MULTILINE)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", text)) >= 4
    installs = re.findall(r"pip install.*", (ROOT / "Makefile").read_text())
    assert installs
    assert all("--require-hashes" in install for install in installs)


def test_the_checks_run_where_changes_are_checked() -> None:
    assert "-m tools.supply\n" in (ROOT / "Makefile").read_text()
    ci = (ROOT / ".ci/run").read_text()
    assert "make check\n" in ci
    assert "make sbom\n" in ci

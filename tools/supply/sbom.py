"""The list of components (SBOM) in CycloneDX 1.6, made from uv.lock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from importlib import metadata
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from tools.supply.lock import Package, files_of, is_own

SPEC_VERSION: Final = "1.6"
NAMESPACE: Final = UUID("6f3d6a5e-6f0e-5f0b-9c55-0d1a1b7c5a10")  # of our serial numbers
UNKNOWN: Final = {"", "UNKNOWN", "Dual License"}
MAX_NAME: Final = 100  # a longer licence field is the text of the licence

Json = dict[str, Any]


def sbom(packages: Sequence[Package], written_at: datetime) -> Json:
    """Return the document. Licences are known of installed packages only.

    The serial number depends on the packages and on nothing else.
    """
    (own,) = (package for package in packages if is_own(package))
    others = [package for package in packages if not is_own(package)]
    needed = _needed(packages, own)
    digest = sha256(msgspec.json.encode(packages)).hexdigest()
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE, digest)}",
        "version": 1,
        "metadata": {
            "timestamp": written_at.isoformat(timespec="seconds"),
            "component": {**_identity(own), "type": "application", **_licences(own)},
        },
        "components": [_component(package, needed) for package in others],
        "dependencies": [_dependencies(package, packages) for package in packages],
    }


def _component(package: Package, needed: set[str]) -> Json:
    return {
        "type": "library",
        **_identity(package),
        "scope": "required" if package["name"] in needed else "excluded",  # of the running shop
        **_licences(package),
        "externalReferences": [_file(file) for file in files_of(package)],
    }


def _identity(package: Package) -> Json:
    purl = _purl(package)
    return {"bom-ref": purl, "name": package["name"], "version": package["version"], "purl": purl}


def _purl(package: Package) -> str:
    return f"pkg:pypi/{package['name']}@{package['version']}"


def _file(file: Mapping[str, Any]) -> Json:
    digest = file["hash"].removeprefix("sha256:")
    hashes = [{"alg": "SHA-256", "content": digest}]
    return {"type": "distribution", "url": file["url"], "hashes": hashes}


def _licences(package: Package) -> Json:
    """Return the licence that the installed package names: an SPDX expression, else a name."""
    try:
        found: Any = metadata.metadata(package["name"])  # a Message, whose type lacks `get`
    except metadata.PackageNotFoundError:  # for another platform
        return {}
    if expression := found.get("License-Expression"):
        return {"licenses": [{"expression": expression}]}
    classified = [
        name.rpartition(" :: ")[2]
        for name in found.get_all("Classifier", [])
        if name.startswith("License :: ")
    ]
    first_line = (found.get("License") or "").strip().partition("\n")[0]
    names = classified or ([first_line] if len(first_line) <= MAX_NAME else [])
    shown = [{"license": {"name": name}} for name in names if name not in UNKNOWN]
    return {"licenses": shown} if shown else {}


def _dependencies(package: Package, packages: Iterable[Package]) -> Json:
    names = _names(package)
    found = [_purl(other) for other in packages if other["name"] in names]
    return {"ref": _purl(package), "dependsOn": sorted(found)}


def _names(package: Package) -> set[str]:
    """Return the names that it depends on, those of its extras included."""
    extras = package.get("optional-dependencies", {}).values()
    groups = [package.get("dependencies", []), *extras]
    return {dependency["name"] for group in groups for dependency in group}


def _needed(packages: Iterable[Package], own: Package) -> set[str]:
    """Return the names that the shop needs when it runs; the others are tools."""
    names = {package["name"]: _names(package) for package in packages}
    needed: set[str] = set()
    waiting = _names(own)
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting |= names.get(name, set()) - needed
    return needed

"""Read uv.lock, and check that every package comes from one registry, with hashes, not too old."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tools.docs.documents import ROOT

LOCK: Final = ROOT / "uv.lock"
MINIMUM: Final = Path(__file__).with_name("minimum.toml")
SHA256: Final = re.compile(r"sha256:[0-9a-f]{64}")
VERSION: Final = re.compile(r"(\d+(?:\.\d+)*)(?:\.post\d+)?")  # pre-releases do not match

Package = Mapping[str, Any]  # as in uv.lock


def read_lock(path: Path = LOCK) -> list[Package]:
    """Return the packages of the lock file, the shop itself included."""
    packages: list[Package] = tomllib.loads(path.read_text())["package"]
    return packages


def is_own(package: Package) -> bool:
    """Return whether it is the shop itself."""
    return bool(package["source"] == {"editable": "."})


def files_of(package: Package) -> list[Mapping[str, Any]]:
    """Return the files that may be installed: wheels, and the source distribution if any."""
    source = [package["sdist"]] if "sdist" in package else []
    return [*source, *package.get("wheels", [])]


def faults(packages: Iterable[Package], minimum: Path = MINIMUM) -> list[str]:
    """Return what is wrong with these packages, one sentence each, which begins with the name."""
    others = [package for package in packages if not is_own(package)]
    if not others:
        return ["uv.lock: has no packages"]
    rules = tomllib.loads(minimum.read_text())
    registry, host = _usual_origin(others)
    return [
        *(fault for package in others for fault in _origin_faults(package, registry, host)),
        *_version_faults(others, rules["minimum"]),
        *_refused(others, rules["refused"]),
    ]


def _usual_origin(packages: Iterable[Package]) -> tuple[str, str]:
    """Return the registry and the host of files that most packages have: all should have them."""
    registries: Counter[str] = Counter()
    hosts: Counter[str] = Counter()
    for package in packages:
        registries[package["source"].get("registry", "")] += 1
        hosts.update(_host(file) for file in files_of(package))
    [(registry, _)] = registries.most_common(1)
    return registry, hosts.most_common(1)[0][0] if hosts else ""


def _host(file: Mapping[str, Any]) -> str:
    url: str = file.get("url", "")
    return urlsplit(url).netloc


def _origin_faults(package: Package, registry: str, host: str) -> Iterator[str]:
    name, files = package["name"], files_of(package)
    if package["source"] != {"registry": registry}:
        yield f"{name}: does not come from {registry}"
    if not files:
        yield f"{name}: has no files"
    for file in files:
        if not SHA256.fullmatch(file.get("hash", "")):
            yield f"{name}: a file has no SHA-256"
        if not file.get("url", "").startswith(f"https://{host}/"):
            yield f"{name}: a file is not at https://{host}"


def _version_faults(
    packages: Iterable[Package], minimum: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    versions: dict[str, list[str]] = {}
    for package in packages:
        versions.setdefault(package["name"], []).append(package["version"])
    for name, rule in minimum.items():
        if name not in versions:
            yield f"{name}: is not in uv.lock any more, delete its minimum version"
        for version in versions.get(name, []):
            if not _is_at_least(version, rule["version"]):
                yield f"{name}: {version} is older than {rule['version']} ({rule['reason']})"


def _refused(
    packages: Iterable[Package], refused: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    names = {package["name"] for package in packages}
    for name, rule in refused.items():
        if name in names:
            yield f"{name}: may not be used ({rule['reason']})"


def _is_at_least(version: str, minimum: str) -> bool:
    """Compare two releases. A version that is not a plain release (a pre-release) is too old."""
    given, least = VERSION.fullmatch(version), VERSION.fullmatch(minimum)
    assert least is not None, f"not a release: {minimum}"
    return given is not None and _numbers(given[1]) >= _numbers(least[1])


def _numbers(release: str) -> tuple[int, ...]:
    numbers = [int(number) for number in release.split(".")]
    while numbers and numbers[-1] == 0:  # 2.0 and 2 are the same release
        numbers.pop()
    return tuple(numbers)

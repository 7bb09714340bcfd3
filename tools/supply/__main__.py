"""Check uv.lock, or with `--sbom PATH` write the list of components (CycloneDX) there."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tools.supply.lock import faults, read_lock
from tools.supply.sbom import sbom


def main(arguments: list[str]) -> int:
    """Return 0 when nothing is wrong with uv.lock (or the list was written), else 1."""
    packages = read_lock()
    match arguments:
        case ["--sbom", path]:
            document = msgspec.json.encode(sbom(packages, datetime.now(UTC)))
            Path(path).write_bytes(msgspec.json.format(document, indent=2) + b"\n")
            sys.stdout.write(f"written: {path} ({len(packages)} components)\n")
            return 0
        case _:
            found = faults(packages)
            sys.stdout.writelines(f"{fault}\n" for fault in found)
            return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

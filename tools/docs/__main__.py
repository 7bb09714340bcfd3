"""Write the generated documents, or with `--check` name those that are not current."""

import sys

from roadbike.kit import logs
from tools.docs.documents import stale, write


def main(arguments: list[str]) -> int:
    """Return 0 when every document is current (or has been written), else 1."""
    logs.configure("docs", "error")  # the recorded run makes providers and calls fail on purpose
    if arguments == ["--check"]:
        old = stale()
        if old:
            sys.stdout.write(f"not current, run `make docs`: {', '.join(old)}\n")
        return 1 if old else 0
    for path in write():
        sys.stdout.write(f"written: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

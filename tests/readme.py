"""Runs the commands that a README shows, as written: `python -m tests.readme "first purchase"`."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.en.md")


def commands(readme: str, title: str) -> str:
    """The block marked `<!-- run: title -->`; it is an error when there is none."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    marked = re.escape(f"<!-- run: {title} -->") + r"\n```bash\n(.*?)\n```"
    found = re.search(marked, text, re.DOTALL)
    if found is None:
        sys.exit(f"{readme} has no block marked {title!r}")
    return found[1]


def main(title: str) -> None:
    for readme in READMES:
        print(f"-- {readme}: {title}", flush=True)  # noqa: T201 said to whoever runs it
        script = "set -euo pipefail; set -x\n" + commands(readme, title)
        subprocess.run(["bash", "-c", script], cwd=ROOT, check=True)  # noqa: S603, S607 our own


if __name__ == "__main__":
    main(sys.argv[1])

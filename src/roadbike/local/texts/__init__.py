"""What the commands print: sentences by slug, in Korean or English as the terminal is set."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Final

from roadbike.kit.translations import Language, Text, load_texts

CATALOGUES: Final = (
    "errors.toml",
    "output.toml",
    "watch.toml",
    "help.toml",
    "demo.toml",
    "doctor.toml",
    "bench.toml",
    "drills.toml",
    "audit.toml",
)
LOCALE: Final = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides (POSIX)


@cache
def texts() -> Mapping[str, Text]:
    """Return all sentences by slug."""
    return load_texts("roadbike.local.texts", *CATALOGUES)


def language(environ: Mapping[str, str]) -> Language:
    """Return Korean for a Korean locale, else English."""
    chosen = next((environ[name] for name in LOCALE if environ.get(name)), "")
    return "ko" if chosen.lower().startswith("ko") else "en"


def has(slug: str) -> bool:
    """Return whether a catalogue has that sentence."""
    return slug in texts()


def say(slug: str, /, **facts: object) -> str:
    """Return the sentence with the facts filled in, in the language of the terminal.

    Raises KeyError for a slug that no catalogue has.
    """
    return texts()[slug].filled(language(os.environ), facts)

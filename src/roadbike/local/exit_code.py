"""The exit code of a command, and the sentence by which it fails."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import Final

import typer

from roadbike.kit.process.setting_faults import SettingError
from roadbike.local.errors import CommandError
from roadbike.local.texts import language

HARD_SPACE: Final = "\N{NO-BREAK SPACE}"


def exit_code_of(command: Callable[[], object]) -> int:
    """Run the command. A known error is printed as one sentence, without a traceback."""
    try:
        code = command()
    except CommandError as error:
        for line in error.details:
            typer.echo(f"  {line}", err=True)
        _print_error(f"roadbike: {error}")
        return error.code
    except SettingError as error:
        for fault in error.faults:
            _print_error(f"roadbike: {fault.in_(language(os.environ))}")
        return 1
    except OSError as error:
        _print_error(f"roadbike: {error}")
        return 1
    return code if isinstance(code, int) else 0


def _print_error(sentence: str) -> None:
    """On a terminal, wrap it between words, but not inside a command in backticks."""
    if sys.stderr.isatty():
        unbroken = re.sub("`[^`]*`", lambda found: found[0].replace(" ", HARD_SPACE), sentence)
        width = shutil.get_terminal_size().columns
        lines = textwrap.wrap(unbroken, width, break_long_words=False, break_on_hyphens=False)
        sentence = "\n".join(lines).replace(HARD_SPACE, " ")
    typer.echo(sentence, err=True)

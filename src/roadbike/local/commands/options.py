"""Options that several commands have; their help is in local/texts/help.toml."""

from pathlib import Path
from typing import Annotated, Final

import typer

HomeOption = Annotated[Path, typer.Option("--home", envvar="ROADBIKE_HOME")]
DEFAULT_HOME: Final = Path(".roadbike")

"""Options that several commands have."""

from pathlib import Path
from typing import Annotated, Final

import typer

HomeOption = Annotated[
    Path,
    typer.Option(
        "--home", envvar="ROADBIKE_HOME", help="Folder with the shop's data, keys and logs."
    ),
]
DEFAULT_HOME: Final = Path(".roadbike")

"""The store of the shop."""

from typing import Final

DEFAULT_STORE: Final = "분당야탑점"  # where bikes are reserved, unless the setting G_STORE names it

"""The shop itself: what every service may know of it without asking another."""

from typing import Final

DEFAULT_STORE: Final = "분당야탑점"  # the store that bikes are reserved at, unless G_STORE is set

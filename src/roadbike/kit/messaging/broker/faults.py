"""Why a connection to a broker could not be made, and which setting that is about."""

import ssl
from typing import Final

URL: Final = "ROADBIKE_BROKER_URL"
CA: Final = "ROADBIKE_BROKER_CA"


def first_line(error: BaseException) -> str:
    """Return what went wrong, in one line."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def setting_of(error: BaseException) -> str:
    """Return the setting that is the likely cause of a connection that could not be made."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return CA
        cause = cause.__cause__
    return URL

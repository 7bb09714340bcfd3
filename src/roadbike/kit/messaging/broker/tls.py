"""TLS to the servers of a broker, and which setting is wrong when it fails."""

import ssl
from typing import Final

URL: Final = "ROADBIKE_BROKER_URL"
CA: Final = "ROADBIKE_BROKER_CA"


def verifying(ca: str) -> ssl.SSLContext:
    """Return what verifies the servers.

    ca: certificates (PEM) of the authority that signs those of the servers; empty: the system's.
    Raises ValueError for certificates that cannot be read.
    """
    try:
        return ssl.create_default_context(cadata=ca or None)
    except ssl.SSLError as error:
        raise ValueError(f"the certificates cannot be read: {error}") from None


def setting_of(error: BaseException) -> str:
    """Return the setting that is the likely cause of a connection that could not be made."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return CA
        cause = cause.__cause__
    return URL

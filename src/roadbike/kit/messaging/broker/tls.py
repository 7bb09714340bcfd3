"""TLS to the servers of a broker."""

import ssl


def verifying(ca: str) -> ssl.SSLContext:
    """Return what verifies the servers.

    ca: certificates (PEM) of the authority that signs those of the servers; empty: the system's.
    Raises ValueError for certificates that cannot be read.
    """
    try:
        return ssl.create_default_context(cadata=ca or None)
    except ssl.SSLError as error:
        raise ValueError(f"the certificates cannot be read: {error}") from None

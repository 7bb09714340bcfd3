"""TLS to a database server: `?ca=FILE` in its URL names the authority that signs its certificate.

It is part of the URL, so that whatever uses the database encrypts: services, migrations, the audit.
"""

import ssl
from typing import Any, Final

from sqlalchemy import make_url

PARAMETER: Final = "ca"


def taken_out(url: str) -> tuple[str, dict[str, Any]]:
    """Return the URL without the parameter, and what the driver is given to verify the server.

    The drivers of PostgreSQL and MariaDB take it the same way. Raises OSError, ssl.SSLError when
    the file cannot be read.
    """
    parsed = make_url(url)
    file = parsed.query.get(PARAMETER)
    if not file:
        return url, {}
    bare = parsed.difference_update_query([PARAMETER]).render_as_string(hide_password=False)
    return bare, {"ssl": ssl.create_default_context(cafile=str(file))}

"""How many connections a process may have, beside the other files that it has open."""

import resource
from typing import Final

import structlog

OTHER_FILES: Final = 256  # that the process may have open beside its connections

log = structlog.get_logger()


def connections_within_files(wanted: int) -> int:
    """Return how many connections may be open, so that files are left for database and broker.

    Raises the process's own limit of open files for it, as far as the system allows.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        soft = needed
    allowed = wanted if soft == resource.RLIM_INFINITY else min(wanted, soft - OTHER_FILES)
    if allowed < wanted:
        log.warning("http.fewer_connections", wanted=wanted, allowed=allowed, files=soft)
    return max(1, allowed)

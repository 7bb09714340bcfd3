"""Headers that protect a change: ETag with If-Match, and Idempotency-Key."""

import re
from typing import Annotated, Final

from litestar.params import HeaderParameter

from roadbike.kit.pure.refusals import Fault, Invalid, PreconditionFailed, PreconditionRequired

STRONG_TAG: Final = re.compile(r'"(0|[1-9][0-9]{0,17})"')
KEY: Final = re.compile(r"[!-~]{1,255}")

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match", description='The ETag of the version that was read, for example "7".'
    ),
]
KeyHeader = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="Up to 255 visible ASCII characters."),
]


def etag(version: int) -> str:
    """Return the strong entity tag of a version."""
    return f'"{version}"'


def provide_if_match(if_match_header: IfMatch = None) -> int:
    """Return the version that If-Match names.

    Raises PreconditionRequired (428) without the header, PreconditionFailed (412) when its value
    is not exactly one strong tag as `etag` makes it.
    """
    if if_match_header is None:
        raise PreconditionRequired
    tag = STRONG_TAG.fullmatch(if_match_header.strip())
    if tag is None:
        raise PreconditionFailed
    return int(tag[1])


def checked_key(key_header: str | None) -> str | None:
    """Return the Idempotency-Key, or None without one.

    Raises Invalid (422) unless it has 1 to 255 visible ASCII characters.
    """
    if key_header is not None and not KEY.fullmatch(key_header):
        raise Invalid(Fault(slug="fault-key", parameter="Idempotency-Key"))
    return key_header

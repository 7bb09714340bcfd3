"""Headers that guard a change: ETag with If-Match, and Idempotency-Key."""

import re
from typing import Annotated, Final

from litestar.params import HeaderParameter

from roadbike.kit.pure.refusals import Fault, Invalid, PreconditionFailed, PreconditionRequired

STRONG: Final = re.compile(r'"(0|[1-9][0-9]{0,17})"')
KEY: Final = re.compile(r"[!-~]{1,255}")

IfMatch = Annotated[
    str | None, HeaderParameter(name="If-Match", description='The ETag that was read, as "7".')
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

    Raises PreconditionRequired (428) without one, PreconditionFailed (412) for one that is no
    single strong tag of ours.
    """
    if if_match_header is None:
        raise PreconditionRequired
    tag = STRONG.fullmatch(if_match_header.strip())
    if tag is None:
        raise PreconditionFailed
    return int(tag[1])


def checked_key(key_header: str | None) -> str | None:
    """Return the key; None without one. Raises Invalid (422) for one that cannot be."""
    if key_header is not None and not KEY.fullmatch(key_header):
        raise Invalid(Fault(slug="fault-key", parameter="Idempotency-Key"))
    return key_header

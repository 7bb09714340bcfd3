"""The media types that the shop speaks, and the refusal of others."""

from typing import Any, Final

from litestar.connection import Request

from roadbike.kit.pure.refusals import BadRequest, UnsupportedMedia

HAL_JSON: Final = "application/hal+json"
JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"


def refuse_other_media(request: Request[Any, Any, Any]) -> None:
    """Let JSON in UTF-8 pass. Raises UnsupportedMedia, or BadRequest for no body at all."""
    headers = request.headers
    if headers.get("content-length") == "0":
        raise BadRequest
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia  # nothing is unpacked here: a small body may hide an endless one
    media, _, parameters = headers.get("content-type", "").lower().partition(";")
    if not _is_json(media.strip()) or not _is_utf8(parameters):
        raise UnsupportedMedia


def _is_json(media: str) -> bool:
    return media == JSON or (media.startswith("application/") and media.endswith("+json"))


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in {"utf-8", "utf8", "us-ascii"}:
            return False
    return True

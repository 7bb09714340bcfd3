"""The media types of requests and responses, and the refusal of others."""

from typing import Any, Final

from litestar.connection import Request

from roadbike.kit.pure.refusals import BadRequest, UnsupportedMedia

HAL_JSON: Final = "application/hal+json"
JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"


def refuse_other_media(request: Request[Any, Any, Any]) -> None:
    """Accept JSON in UTF-8. Raises UnsupportedMedia for others, BadRequest for an empty body."""
    headers = request.headers
    if headers.get("content-length") == "0":
        raise BadRequest
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia  # a small compressed body could expand to a huge one
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

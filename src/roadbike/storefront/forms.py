"""Forms that pages send: their fields, and whether a form comes from a page of ours."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import structlog
from litestar.connection import Request as HttpRequest
from litestar.datastructures import UploadFile
from litestar.exceptions import ClientException, HTTPException

from roadbike.kit.pure.refusals import Forbidden, TooLarge
from roadbike.storefront.visitors import Visitor

FORM: Final = "application/x-www-form-urlencoded"
UPLOAD: Final = "multipart/form-data"
FILE_FIELD: Final = "file"
MAX_FILE_NAME: Final = 100  # characters
MAX_FIELDS: Final = 50
CSRF_FIELD: Final = "csrf"

Request = HttpRequest[Any, Any, Any]
Fields = Mapping[str, str]

log = structlog.get_logger()


class ForeignForm(Forbidden):
    """The form does not come from a page of ours, or from one of another session."""

    slug = "foreign-form"


async def fields_of(request: Request) -> Fields:
    """Return the fields of a form. Raises ForeignForm when the body is not one."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise ForeignForm
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=MAX_FIELDS,
            encoding="utf-8",
            errors="strict",
        )
    except ValueError:
        raise ForeignForm from None
    return {name: value.strip() for name, value in pairs}


@dataclass(frozen=True, slots=True)
class Upload:
    """A form with a file. fields: the others. content: of the file; empty when none was chosen."""

    fields: Fields
    name: str
    content: bytes


async def upload_of(request: Request) -> Upload:
    """Return the fields and the file of a form. Raises ForeignForm when the body is not one."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != UPLOAD:
        raise ForeignForm
    try:
        form = await request.form()
    except (ClientException, ValueError) as error:
        if isinstance(error, HTTPException) and error.status_code == TooLarge.status:
            raise TooLarge from None
        raise ForeignForm from None
    file = form.get(FILE_FIELD)
    fields = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    if not isinstance(file, UploadFile):
        return Upload(fields, "", b"")
    return Upload(fields, file.filename[:MAX_FILE_NAME], await file.read())


def require_own_form(request: Request, visitor: Visitor, fields: Fields) -> None:
    """Raise ForeignForm unless the form is from a page of ours, of the same session."""
    if not _is_same_origin(request):
        log.warning("form.foreign_origin", path=request.scope["path"])
        raise ForeignForm
    token = fields.get(CSRF_FIELD, "")
    if visitor.session and not hmac.compare_digest(token.encode(), visitor.csrf.encode()):
        log.warning("form.wrong_token", path=request.scope["path"])
        raise ForeignForm


def _is_same_origin(request: Request) -> bool:
    """Return whether the browser says that the request comes from our own page."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host", "")
    return site == "same-origin"

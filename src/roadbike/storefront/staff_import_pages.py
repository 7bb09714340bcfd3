"""Staff import a table of bikes: upload, what it would do, and the import."""

import re
from collections.abc import Mapping
from typing import Any, Final

from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import NotFound
from roadbike.kit.web import ADMIN, Route
from roadbike.storefront import uploads
from roadbike.storefront.forms import Fields, Upload
from roadbike.storefront.peers import Answer, Peers, Unreachable
from roadbike.storefront.staff_lists import query_of
from roadbike.storefront.uploads import StoredFile
from roadbike.storefront.visitors import Visitor
from roadbike.storefront.web import HtmlReply, Pages, Request, redirect, require_user, shown

PATH: Final = "/staff/stock/import"
MAX_UPLOAD_BYTES: Final = 4 * 1024 * 1024  # stock takes no longer table
PATIENCE_SECONDS: Final = 20.0  # beside the usual time-out: thousands of rows are one transaction
COUNTS: Final = ("new", "changed", "unchanged")
COUNT: Final = re.compile(r"[0-9]{1,9}")


class StaffImportPages:
    """`/staff/stock/import…`: for admins."""

    def __init__(self, pages: Pages, peers: Peers, db: Database) -> None:
        self.pages = pages
        self.peers = peers
        self.db = db

    def routes(self) -> list[Route]:
        one = f"{PATH}/{{upload_id:uuid}}"
        return [
            self.pages.page(PATH, self.ask, who=ADMIN),
            self.pages.upload(PATH, self.take, who=ADMIN, max_body=MAX_UPLOAD_BYTES),
            self.pages.page(one, self.check, who=ADMIN),
            self.pages.form(one, self.apply, who=ADMIN),
        ]

    async def ask(self, visitor: Visitor, request: Request) -> HtmlReply:
        """Ask for a file; or say what the last import has done."""
        query = query_of(request)
        found = {name: query.get(name, "") for name in COUNTS}
        numbers = {name: int(text) for name, text in found.items() if COUNT.fullmatch(text)}
        done = numbers if len(numbers) == len(COUNTS) else None
        return shown("staff/import.html", visitor, done=done, is_empty=False)

    async def take(self, visitor: Visitor, _request: Request, upload: Upload) -> HtmlReply:
        """Keep the file, and go on to what it would do."""
        if not upload.content.strip():
            return shown("staff/import.html", visitor, status=422, done=None, is_empty=True)
        user_id = require_user(visitor)
        upload_id = await self.db.transact(
            lambda tx: uploads.keep(
                tx, user_id=user_id, name=upload.name or "CSV", content=upload.content
            )
        )
        return redirect(f"{PATH}/{upload_id}")

    async def check(self, visitor: Visitor, request: Request) -> HtmlReply:
        """Show what the import would do, or which rows are wrong. Nothing is changed."""
        file = await self._file(visitor, request)
        return _result(visitor, file, await self._send(visitor, file, dry_run=True))

    async def apply(self, visitor: Visitor, request: Request, _fields: Fields) -> HtmlReply:
        """Import the file: all of it, or nothing when a row is wrong by now."""
        file = await self._file(visitor, request)
        try:
            answer = await self._send(visitor, file, dry_run=False)
        except Unreachable as error:
            return _result(visitor, file, None, status=error.status)
        if not answer.is_success:
            return _result(visitor, file, answer, status=answer.status)
        await self.db.transact(lambda tx: uploads.drop(tx, file.upload_id))
        counts = "&".join(f"{name}={answer.body[name]}" for name in COUNTS)
        return redirect(f"{PATH}?{counts}")

    async def _file(self, visitor: Visitor, request: Request) -> StoredFile:
        user_id, upload_id = require_user(visitor), request.path_params["upload_id"]
        file = await self.db.transact(lambda tx: uploads.find(tx, upload_id, user_id))
        if file is None:
            raise NotFound
        return file

    async def _send(self, visitor: Visitor, file: StoredFile, *, dry_run: bool) -> Answer:
        query = [("dryRun", "true")] if dry_run else []
        return await self.peers.send(
            visitor.asks(
                "stock",
                "POST",
                "/stocks/import",
                query=query,
                table=file.content,
                may_repeat=dry_run,
                waits=PATIENCE_SECONDS,
            )
        )


def _result(
    visitor: Visitor, file: StoredFile, answer: Answer | None, *, status: int = 200
) -> HtmlReply:
    """Show counts, wrong rows, or what a file is refused for. No answer: it may be done or not."""
    faults, total = _faults(answer) if answer else ([], 0)
    counts: Mapping[str, Any] | None = answer.body if answer and answer.is_success else None
    return shown(
        "staff/import_result.html",
        visitor,
        status=status,
        file=file,
        counts=counts,
        faults=faults,
        total=total,
        problem=answer.problem if answer and not answer.is_success else None,
        is_lost=answer is None,
    )


def _faults(answer: Answer) -> tuple[list[tuple[str, str, str]], int]:
    """Return what is wrong as line, column and reason; and how much in all."""
    found = []
    for fault in answer.problem.errors:
        _, number, column, *_ = [*fault.pointer.split("/"), "", "", ""]
        found.append((number, column, fault.detail))
    return found, int(answer.body.get("faultCount", len(found))) if found else 0

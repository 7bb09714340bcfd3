"""Errors of a database that a command uses, as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from roadbike.kit.db import DatabaseUnavailable
from roadbike.kit.urls import UrlFault, database_url, sqlite_file
from roadbike.local.errors import CommandError
from roadbike.local.texts import say


@contextmanager
def in_use(service: str, url: str) -> Iterator[None]:
    """Raise CommandError when the URL is wrong, or the database cannot be used in the block."""
    try:
        database_url(url)
        if (file := sqlite_file(url)) and not file.absolute().parent.is_dir():
            raise CommandError(
                "database-unusable", service=service, error=say("no-folder", path=file.parent)
            )
        yield
    except UrlFault as fault:
        raise CommandError("wrong-database-url", reason=fault) from None
    except (
        DatabaseUnavailable,
        OSError,
        SQLAlchemyError,
        asyncpg.InterfaceError,
        asyncpg.PostgresError,
    ) as error:
        cause = error.__cause__ or error if isinstance(error, DatabaseUnavailable) else error
        raise CommandError("database-unusable", service=service, error=_first_line(cause)) from None


def _first_line(error: BaseException | None) -> str:
    origin = getattr(error, "orig", None) or error
    lines = str(origin).strip().splitlines()
    return lines[0] if lines else type(origin).__name__

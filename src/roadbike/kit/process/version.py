"""Which version of its database the code of a service is written for."""

from importlib.resources import files

from alembic.script import ScriptDirectory


def version_of(package: str) -> str:
    """Return the version of the service's code: the newest migration that it knows."""
    migrations = files(package) / "migrations"
    return ScriptDirectory(str(migrations)).get_current_head() or ""

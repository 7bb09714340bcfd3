"""URLs of the databases and the broker of a cluster, and the statements that make the former."""

from collections.abc import Sequence
from typing import Final

from roadbike.kit import urls
from roadbike.kit.urls import UrlFault
from roadbike.local import home as homes
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.jobs import databases as job
from roadbike.local.servers import AUDIT
from roadbike.local.servers.nats import SET_UP
from roadbike.local.servers.postgres import owner_of
from roadbike.local.services import SERVICES

PROVIDER: Final = "provider"  # the database of the simulated payment provider
EVERYBODY: Final = (*(spec.name for spec in SERVICES), PROVIDER)
MARIADB: Final = "mariadb"
ON_POSTGRESQL: Final = "databases.sql"
ON_MARIADB: Final = "databases-mariadb.sql"
# names and passwords as in jobs/databases.py; the collation and the rights: docs/durability.md
MARIADB_USER: Final = "CREATE USER IF NOT EXISTS {role}@'%' IDENTIFIED BY '{password}';"
MARIADB_DATABASE: Final = """\
CREATE DATABASE IF NOT EXISTS {name} COLLATE utf8mb4_nopad_bin;
GRANT ALL ON {name}.* TO {owner}@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO {name}@'%';
GRANT SELECT ON {name}.* TO {reader}@'%';
"""


class Urls:
    """URLs of databases and the broker, each with a password of its own.

    databases: with {user}, {password} and {database}, of everybody; after `SERVICE=`, of that one.
    Raises CommandError.
    """

    def __init__(self, home: Home, databases: Sequence[str], broker: str) -> None:
        self._databases, self._broker = _by_name(databases), broker
        roles = [role for name in EVERYBODY for role in (name, owner_of(name))]
        self._passwords = homes.passwords(home, "postgres", [*roles, AUDIT])
        users = [*(spec.name for spec in SERVICES), SET_UP, AUDIT]
        self._at_broker = homes.passwords(home, "broker", users)

    def database(self, name: str, role: str) -> str:
        """Return the URL of that database for that role."""
        url = self._databases[name]
        values = {"user": role, "password": self._passwords[role], "database": name}
        try:
            return urls.database_url(url.format(**values))
        except (KeyError, IndexError, ValueError, UrlFault) as error:
            raise CommandError("secrets-url", url=url, error=error) from None

    def broker(self, user: str) -> str:
        """Return the URL of the broker for that user."""
        try:
            return urls.broker_url(self._broker.format(user=user, password=self._at_broker[user]))
        except (KeyError, IndexError, ValueError, UrlFault) as error:
            raise CommandError("secrets-url", url=self._broker, error=error) from None

    def statements(self) -> dict[str, str]:
        """Return what makes databases and roles, by the name of the file: one for each server."""
        on_mariadb = [name for name in EVERYBODY if self._databases[name].startswith(MARIADB)]
        on_postgresql = [name for name in EVERYBODY if name not in on_mariadb]
        made = {ON_POSTGRESQL: self._of_postgresql(on_postgresql)} if on_postgresql else {}
        return made | ({ON_MARIADB: self._of_mariadb(on_mariadb)} if on_mariadb else {})

    def _of_postgresql(self, names: Sequence[str]) -> str:
        """For psql, as a superuser."""
        parts = [self._role(job.MAKE_ROLE + ";", AUDIT), job.OF_READER]
        for name in names:
            parts += [self._role(job.MAKE_ROLE + ";", each) for each in (name, owner_of(name))]
            parts.append(f"CREATE DATABASE {name} OWNER {owner_of(name)};")
            parts.append(job.filled(job.OF_SERVER, name, job.UNLIMITED))
            parts.append(f"\\connect {name}")
            parts.append(job.filled(job.OF_DATABASE, name, job.UNLIMITED))
        if PROVIDER in names:
            # payment keeps the provider's journal as its owner: it makes the table itself
            parts.append(f"ALTER ROLE {owner_of(PROVIDER)} CONNECTION LIMIT {job.UNLIMITED};\n")
        return "\n".join(parts)

    def _of_mariadb(self, names: Sequence[str]) -> str:
        """For the client of MariaDB, as a user who may make databases and users."""
        parts = [self._role(MARIADB_USER, AUDIT)]
        for name in names:
            parts += [self._role(MARIADB_USER, each) for each in (name, owner_of(name))]
            parts.append(MARIADB_DATABASE.format(name=name, owner=owner_of(name), reader=AUDIT))
        return "\n".join(parts)

    def _role(self, statement: str, role: str) -> str:
        return statement.format(role=role, password=self._passwords[role])


def _by_name(given: Sequence[str]) -> dict[str, str]:
    """Return the URL of each database. Raises CommandError when one has none."""
    found, of_all = {}, ""
    for each in given:
        name, equals, url = each.partition("=")
        if equals and name in EVERYBODY:
            found[name] = url
        else:
            of_all = each
    missing = [name for name in EVERYBODY if name not in found]
    if missing and not of_all:
        raise CommandError("secrets-no-url", names=missing)
    return dict.fromkeys(missing, of_all) | found

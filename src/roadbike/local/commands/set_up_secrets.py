"""`roadbike set-up-secrets`: keys and passwords of a shop in a Kubernetes cluster."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from roadbike.kit import urls
from roadbike.kit.urls import UrlFault
from roadbike.local import home as homes
from roadbike.local import keys, own
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.jobs import databases as job
from roadbike.local.jobs import keys as key_files
from roadbike.local.servers import AUDIT
from roadbike.local.servers.nats import SET_UP
from roadbike.local.servers.postgres import owner_of
from roadbike.local.services import ACCOUNT, PAYMENT, SERVICES
from roadbike.local.shop_file import DEMO_USERS, ShopFile

SERVICE_URL: Final = "http://{service}:8080"
MOUNTED: Final = Path("/shop")  # where a job of operators has the secret `ops`
OPS: Final = "ops"
PROVIDER: Final = "provider"  # the database of the simulated payment provider
EVERYBODY: Final = (*(spec.name for spec in SERVICES), PROVIDER)


def write(folder: Path, gateway: str, database_url: str, broker_url: str) -> None:
    """Write the files into the folder. Keys and passwords that it has already are kept.

    gateway: the URL of the shop. database_url: of each database, with {user}, {password} and
    {database}. broker_url: of the broker, which may have {user} and {password}.
    Raises CommandError.
    """
    home = homes.at(folder)
    try:
        home.path.parent.mkdir(parents=True, exist_ok=True)
        for made in (home.path, home.keys, home.path / OPS):
            own.folder(made)
    except OSError as error:
        raise CommandError("unwritable", path=folder, error=error.strerror or error) from None
    accepted = {spec.name: spec.callers for spec in SERVICES}
    owners = (*accepted, keys.OPS, keys.SIGNING)
    public = {str(keys.callers(home, name)): [*names, keys.OPS] for name, names in accepted.items()}
    key_files.make(
        keys={name: str(keys.private(home, name)) for name in owners},
        public=public | {str(keys.issuer(home)): [keys.SIGNING]},
        label="cluster",
    )
    access = _Urls(home, database_url, broker_url)
    files = {f"{spec.name}.env": _of_service(home, spec.name, access) for spec in SERVICES}
    for name in EVERYBODY:
        owner = {"ROADBIKE_DATABASE_URL": access.database(name, owner_of(name))}
        files[f"{name}-owner.env"] = owner
    files["set-up.env"] = {"ROADBIKE_BROKER_URL": access.broker(SET_UP)}
    files["gateway.env"] = {"ROADBIKE_GATEWAY_KEY": _gateway_key(home)}
    for name, variables in files.items():
        lines = [f"{variable}={value}\n" for variable, value in variables.items()]
        own.write(home.path / name, "".join(lines).encode())
    own.write(home.path / OPS / "ops.json", own.read(keys.private(home, keys.OPS)))
    shop = msgspec.json.format(msgspec.json.encode(_shop_file(home, gateway, access)), indent=2)
    own.write(home.path / OPS / "shop.json", shop)
    own.write(home.path / "databases.sql", access.statements().encode())
    own.write(home.path / "kustomization.yaml", _kustomization(files).encode())


class _Urls:
    """URLs of databases and the broker, each with a password of its own. Raises CommandError."""

    def __init__(self, home: Home, database: str, broker: str) -> None:
        self._database, self._broker = database, broker
        roles = [role for name in EVERYBODY for role in (name, owner_of(name))]
        self.passwords = homes.passwords(home, "postgres", [*roles, AUDIT])
        users = [*(spec.name for spec in SERVICES), SET_UP, AUDIT]
        self._at_broker = homes.passwords(home, "broker", users)

    def database(self, name: str, role: str) -> str:
        values = {"user": role, "password": self.passwords[role], "database": name}
        try:
            return urls.database_url(self._database.format(**values))
        except (KeyError, IndexError, ValueError, UrlFault) as error:
            raise CommandError("secrets-url", url=self._database, error=error) from None

    def broker(self, user: str) -> str:
        try:
            return urls.broker_url(self._broker.format(user=user, password=self._at_broker[user]))
        except (KeyError, IndexError, ValueError, UrlFault) as error:
            raise CommandError("secrets-url", url=self._broker, error=error) from None

    def statements(self) -> str:
        """Return what makes databases and roles on PostgreSQL, for psql as a superuser."""
        role = job.MAKE_ROLE.format
        parts = [role(role=AUDIT, password=self.passwords[AUDIT]) + ";", job.OF_READER]
        for name in EVERYBODY:
            roles = (name, owner_of(name))
            parts += [role(role=each, password=self.passwords[each]) + ";" for each in roles]
            parts.append(f"CREATE DATABASE {name} OWNER {owner_of(name)};")
            parts.append(job.filled(job.OF_SERVER, name, job.UNLIMITED))
            parts.append(f"\\connect {name}")
            parts.append(job.filled(job.OF_DATABASE, name, job.UNLIMITED))
        # payment keeps the provider's journal as its owner: it makes the table itself
        parts.append(f"ALTER ROLE {owner_of(PROVIDER)} CONNECTION LIMIT {job.UNLIMITED};\n")
        return "\n".join(parts)


def _of_service(home: Home, name: str, made: _Urls) -> dict[str, str]:
    variables = {
        "ROADBIKE_DATABASE_URL": made.database(name, name),
        "ROADBIKE_BROKER_URL": made.broker(name),
        "ROADBIKE_SERVICE_KEY": _text(keys.private(home, name)),
        "ROADBIKE_CALLER_KEYS": _text(keys.callers(home, name)),
        "ROADBIKE_ACCOUNT_KEYS": _text(keys.issuer(home)),
        "ROADBIKE_GATEWAY_KEY": _gateway_key(home),
    }
    if name == ACCOUNT.name:
        variables["ROADBIKE_SIGNING_KEY"] = _text(keys.private(home, keys.SIGNING))
    if name == PAYMENT.name:
        variables["ROADBIKE_SIMULATED_JOURNAL_URL"] = made.database(PROVIDER, owner_of(PROVIDER))
    return variables


def _shop_file(home: Home, gateway: str, made: _Urls) -> ShopFile:
    """Return what the commands of operators know of the shop: they run in the cluster."""
    names = [spec.name for spec in SERVICES]
    addresses = {name: SERVICE_URL.format(service=name) for name in names}
    return ShopFile(
        home=str(MOUNTED),
        open=True,
        addresses=addresses | {"gateway": gateway.rstrip("/")},
        ports=dict.fromkeys(names, 8080),
        logins=homes.passwords(home, "demo", DEMO_USERS),
        ops_key=str(MOUNTED / "ops.json"),
        databases={name: made.database(name, name) for name in names},
        owners={name: made.database(name, owner_of(name)) for name in names},
        auditors={name: made.database(name, AUDIT) for name in EVERYBODY},
        brokers={name: made.broker(name) for name in (*names, SET_UP, AUDIT)},
    )


def _gateway_key(home: Home) -> str:
    return homes.passwords(home, "gateway", ["key"])["key"]


def _text(path: Path) -> str:
    return own.read(path).decode().strip()


def _kustomization(files: Mapping[str, object]) -> str:
    """Return what makes a Secret of each file, with `kubectl apply -k`."""
    secrets = [{"name": name.removesuffix(".env"), "envs": [name]} for name in files]
    ops = {"name": OPS, "files": [f"{OPS}/shop.json", f"{OPS}/ops.json"]}
    # JSON is valid YAML
    made = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "generatorOptions": {"disableNameSuffixHash": True},
        "secretGenerator": [*secrets, ops],
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"

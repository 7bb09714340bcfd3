"""`roadbike set-up-secrets`: keys and passwords of a shop in a Kubernetes cluster."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from roadbike.local import home as homes
from roadbike.local import keys, own
from roadbike.local.commands.urls_of_secrets import EVERYBODY, PROVIDER, Urls
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.jobs import keys as key_files
from roadbike.local.servers import AUDIT
from roadbike.local.servers.nats import SET_UP
from roadbike.local.servers.postgres import owner_of
from roadbike.local.services import ACCOUNT, PAYMENT, SERVICES
from roadbike.local.shop_file import DEMO_USERS, ShopFile

SERVICE_URL: Final = "http://{service}:8080"
MOUNTED: Final = Path("/shop")  # where a job of operators has the secret `ops`
OPS: Final = "ops"


def write(folder: Path, gateway: str, database_urls: Sequence[str], broker_url: str) -> None:
    """Write the files into the folder. Keys and passwords that it has already are kept.

    gateway: the URL of the shop. database_urls: of each database, with {user}, {password} and
    {database}; after `SERVICE=`, of that service alone. broker_url: of the broker, which may have
    {user} and {password}. Raises CommandError.
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
    access = Urls(home, database_urls, broker_url)
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
    for name, statements in access.statements().items():
        own.write(home.path / name, statements.encode())
    own.write(home.path / "kustomization.yaml", _kustomization(files).encode())


def _of_service(home: Home, name: str, made: Urls) -> dict[str, str]:
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


def _shop_file(home: Home, gateway: str, made: Urls) -> ShopFile:
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

"""Any service on a database of its own, without the rest of the shop."""

import json
from importlib import import_module
from typing import Any, Final

from roadbike.kit.auth import SigningKey, new_signing_key
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.service import Service
from tests.service_harness import settings

NOWHERE: Final = "http://127.0.0.1:9"
PEERS: Final = ("stock", "reservation", "payment", "delivery", "mypage")


CALLER_KEYS: Final = {name: new_signing_key(f"{name}/1") for name in (*PEERS, "storefront", "ops")}


ACCOUNT_KEY: Final = new_signing_key("account/1")


def key_of_account() -> SigningKey:
    """Return the key that a built account service signs access tokens with."""
    return SigningKey.from_jwk(ACCOUNT_KEY)


def built(name: str, url: str, journal_url: str, payment_url: str = NOWHERE) -> Service:
    """Return the service. journal_url: of the simulated payment provider."""
    module = import_module(f"roadbike.{name}.app")
    key = ACCOUNT_KEY
    more: dict[str, dict[str, Any]] = {
        "payment": {"simulated_journal_url": journal_url},
        "reservation": {"payment_url": payment_url},
        "storefront": {f"{peer}_url": NOWHERE for peer in PEERS},
        "account": {
            "signing_key": Secret(key),
            "account_keys": json.dumps({"keys": [SigningKey.from_jwk(key).public_jwk()]}),
        },
    }
    public = [SigningKey.from_jwk(key).public_jwk() for key in CALLER_KEYS.values()]
    callers = {"caller_keys": json.dumps({"keys": public})}
    chosen = settings(name, url) | callers | more.get(name, {})
    service: Service = module.build(module.Settings(**chosen))
    return service

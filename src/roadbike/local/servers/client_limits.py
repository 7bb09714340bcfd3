"""How many requests of one client address the gateway passes on, before a service is asked.

Traefik's limiter answers in plain text. So that the answer is a problem document, and a service's
own 429 stays as it is, the gateway asks itself first (forwardAuth), at a port of its own: what the
limiter refuses there is answered by the fallback, and that answer is what the client gets.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from roadbike.kit.process.setting_faults import SettingError, fault
from roadbike.kit.pure.callers import IPV6_PREFIX
from roadbike.local.ports import HOST
from roadbike.local.servers import fallback

SETTING: Final = "ROADBIKE_CLIENT_REQUESTS_PER_SECOND"
IN_PRODUCTION: Final = 50
MOST: Final = 1_000_000
BURST_SECONDS: Final = 4  # a page with its pictures is some requests at once
ENTRY_POINT: Final = "limits"
NAME: Final = "client-limit"
OTHER_HOSTS: Final = "other-hosts"
REFUSED: Final = 429


def per_second(environ: Mapping[str, str]) -> int:
    """Return how many requests a second of one address are passed on; 0 is any number.

    Off, except with ROADBIKE_ENV=production. Raises SettingError when it is not such a number.
    """
    chosen = environ.get(SETTING, "")
    if not chosen:
        return IN_PRODUCTION if environ.get("ROADBIKE_ENV") == "production" else 0
    if not re.fullmatch(r"[0-9]{1,7}", chosen):
        raise SettingError(fault("setting-whole-number", name=SETTING))
    if int(chosen) > MOST:
        raise SettingError(fault("setting-too-high", name=SETTING, high=MOST))
    return int(chosen)


def limits(environ: Mapping[str, str]) -> dict[str, int]:
    """Return the gateway's limits by name; 0 is off."""
    return {"clientRequestsPerSecond": per_second(environ)}


def add_entry_point(settings: dict[str, Any], port: int) -> None:
    """Add to Traefik's settings where the gateway asks itself. It believes itself about clients."""
    settings["entryPoints"][ENTRY_POINT] = {
        "address": f"{HOST}:{port}",
        "forwardedHeaders": {"trustedIPs": [f"{HOST}/32"]},
    }
    settings["ping"] = {"manualRouting": True}  # answers 200 for what is within the limit


def add_limit(routing: dict[str, Any], port: int, rate: int) -> None:
    """Let every route to a service ask first whether the client is within the limit.

    rate: requests a second of one address.
    """
    routers, middlewares = routing["http"]["routers"], routing["http"]["middlewares"]
    for name, router in routers.items():
        if name == OTHER_HOSTS:
            continue  # the supervisor's look at the gateway comes there, too
        chain: list[str] = router["middlewares"]
        # Behind these two, so that also a refusal has their headers.
        chain.insert(len({"safe", "cors"} & set(chain)), NAME)
    middlewares[NAME] = {"forwardAuth": {"address": f"http://{HOST}:{port}"}}
    middlewares["too-many"] = {
        "errors": {
            "status": [str(REFUSED)],
            "service": "fallback",
            "query": f"/?{fallback.STATUS_PARAMETER}={{status}}",
        }
    }
    middlewares["rate"] = {
        "rateLimit": {
            "average": rate,
            "burst": BURST_SECONDS * rate,
            "period": "1s",
            "sourceCriterion": {"ipStrategy": {"depth": 1, "ipv6Subnet": IPV6_PREFIX}},
        }
    }
    routers[NAME] = {
        "rule": "PathPrefix(`/`)",
        "entryPoints": [ENTRY_POINT],
        "service": "ping@internal",
        "middlewares": ["too-many", "rate"],
    }

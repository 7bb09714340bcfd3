"""Which limits of requests are on in a shop: what was measured depends on them."""

from collections.abc import Mapping

from roadbike.local import shop_file
from roadbike.local.home import Home
from roadbike.local.replicas import service_of
from roadbike.local.texts import say
from roadbike.ops.audit.quiet import ask_statuses


def limits_of(home: Home) -> dict[str, dict[str, int]]:
    """Return the limits of the open shop by part and name; 0 is off."""
    shop = shop_file.read_known(home)
    answered = {
        service_of(name): each
        for name, each in ask_statuses(shop).items()
        if not isinstance(each, str)
    }
    return {"gateway": shop.limits} | {name: each["limits"] for name, each in answered.items()}


def in_words(limits: Mapping[str, Mapping[str, int]]) -> str:
    """Return one line that says which are on, with their numbers, and which are off.

    What is the same in every service is named once.
    """
    services = [part for part in limits if part != "gateway"]
    parts: dict[tuple[str, int], list[str]] = {}
    for part, chosen in limits.items():
        for name, number in chosen.items():
            parts.setdefault((name, number), []).append(part)
    on = [
        f"{name} {number:,}{_of(where, services)}"
        for (name, number), where in parts.items()
        if number
    ]
    off = [f"{name}{_of(where, services)}" for (name, number), where in parts.items() if not number]
    return say("limits", on=", ".join(on) or "–", off=", ".join(off) or "–")


def _of(where: list[str], services: list[str]) -> str:
    return "" if where == services else f" ({', '.join(where)})"

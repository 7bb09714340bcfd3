"""`roadbike dead-letters`: see, retry and dismiss what a service could not process."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError

import msgspec
from rich.console import Console
from rich.table import Table

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.pure.letters import ALL_PATH, PATH, Changed, DeadLetter, DeadLetters
from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.http import call, problem
from roadbike.local.keys import OPS
from roadbike.local.shop_file import ShopFile, no_such_service
from roadbike.local.supervisor import control
from roadbike.local.texts import language, say

UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60))


class Row(DeadLetter, frozen=True, kw_only=True, omit_defaults=True):
    """A letter, with the service that has it."""

    service: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Asks the services of one shop. They answer the operator only: tokens are for OPS."""

    shop: ShopFile
    tokens: ServiceTokens
    services: Sequence[str]

    def chosen(self, service: str | None) -> Sequence[str]:
        """Return that service, or all of them. Raises CommandError when it does not exist."""
        if service is not None and service not in self.services:
            raise no_such_service(service, self.services)
        return self.services if service is None else [service]

    def listed(self, service: str | None, *, everything: bool) -> tuple[list[Row], list[str]]:
        """Return the letters, and a sentence for each service that has more, or no answer."""
        rows: list[Row] = []
        faults = []
        for name in self.chosen(service):
            try:
                found = self._get(name, ALL_PATH if everything else PATH, DeadLetters)
            except CommandError as error:
                faults.append(str(error))
                continue
            rows += [_row(name, letter) for letter in found.letters]
            if found.total > len(found.letters):
                facts = {"service": name, "total": found.total, "shown": len(found.letters)}
                faults.append(say("dead-letters-too-many", **facts))
        return rows, faults

    def one(self, service: str, id_: int) -> Row:
        self.chosen(service)
        return _row(service, self._get(service, f"{PATH}/{id_}", DeadLetter))

    def retry(self, service: str | None, ids: Sequence[int], by: str) -> dict[str, Sequence[int]]:
        return self._change("retry", service, ids, {"by": by})

    def dismiss(
        self, service: str | None, ids: Sequence[int], by: str, why: str
    ) -> dict[str, Sequence[int]]:
        return self._change("dismiss", service, ids, {"by": by, "why": why})

    def _change(
        self, verb: str, service: str | None, ids: Sequence[int], about: Mapping[str, str]
    ) -> dict[str, Sequence[int]]:
        """Return the changed ids by service; without ids, all that need a person are changed."""
        body = dict[str, object](about) | ({"ids": list(ids)} if ids else {})
        changed = {name: self._post(name, f"{PATH}/{verb}", body) for name in self.chosen(service)}
        if missing := [id_ for id_ in ids if id_ not in changed[service or ""]]:
            numbers = ", ".join(map(str, missing))
            raise CommandError("dead-letters-not-open", service=service, ids=numbers)
        return changed

    def _get(self, service: str, path: str, type_: type[Any]) -> Any:
        headers = self.tokens.headers(service, "GET", path)
        return self._answer(service, path, type_, headers=headers)

    def _post(self, service: str, path: str, body: Mapping[str, object]) -> Sequence[int]:
        headers = self.tokens.headers(service, "POST", path, json.dumps(body).encode())
        changed: Changed = self._answer(service, path, Changed, headers=headers, body=body)
        return changed.ids

    def _answer(self, service: str, path: str, type_: type[Any], **request: Any) -> Any:
        request["headers"] |= {"Accept-Language": language(os.environ)}
        try:
            content = call(f"{self.shop.addresses[service]}{path}", **request)
            return msgspec.json.decode(content, type=type_)
        except HTTPError as refusal:
            if refusal.code == HTTPStatus.NOT_FOUND:
                raise CommandError("no-such-dead-letter", service=service) from None
            reason = problem(refusal).get("detail", refusal)
            raise CommandError("service-refuses", service=service, reason=reason) from None
        except (OSError, msgspec.DecodeError) as error:
            raise CommandError("service-silent", service=service, error=error) from None


def desk(home: Home) -> Desk:
    """Return the desk of the open shop. Raises CommandError when no shop is open."""
    control.views(home)  # while no shop is running, its ports may be anybody's
    shop = shop_file.read_known(home)
    tokens = ServiceTokens(OPS, Path(shop.ops_key).read_text(), '{"keys": []}')
    return Desk(shop, tokens, list(shop.databases))


def show_list(rows: Sequence[Row], to: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("service", "id", "state", "event", "key", "age", "attempts"):
        table.add_column(
            say(f"column-{name}"),
            no_wrap=True,
            justify="right" if name in {"id", "age"} else "left",
        )
    table.add_column(say("column-error"), overflow="ellipsis", no_wrap=True, min_width=20)
    for row in rows:
        cells = (
            row.service,
            row.id,
            say(f"state-{row.state}"),
            row.type,
            row.key,
            age(row.age_seconds),
        )
        table.add_row(*map(str, cells), str(row.attempts), row.error)
    to.print(table)


def show_one(row: Row, to: Console) -> None:
    shown = msgspec.to_builtins(row) | {"age": age(row.age_seconds)}
    shown.pop("age_seconds")
    for name, value in shown.items():
        to.print(f"{name:<14} {value}", markup=False, highlight=False, soft_wrap=True)


def age(seconds: int) -> str:
    """Return the age in its largest unit: "40 s", "3 min", "5 h", "2 d"."""
    for unit, length in UNITS:
        if seconds >= length:
            return say(f"age-{unit}", number=seconds // length)
    return say("age-s", number=seconds)


def _row(service: str, letter: DeadLetter) -> Row:
    return Row(service=service, **msgspec.structs.asdict(letter))

"""`roadbike account`: accounts of staff. The account service changes them and keeps who did so."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError

from rich.console import Console
from rich.table import Table

from roadbike.kit.auth import ServiceTokens
from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.http import call, problem
from roadbike.local.keys import OPS
from roadbike.local.supervisor import control
from roadbike.local.texts import language, say

SERVICE: Final = "account"
PATH: Final = "/internal/staff"
COLUMNS: Final = ("user", "name", "role", "since", "password")

Account = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """Asks the account service of one shop, as its operator."""

    url: str
    tokens: ServiceTokens

    def all(self) -> Sequence[Account]:
        """Return the accounts of staff. Raises CommandError."""
        found: Sequence[Account] = self._answer("GET", PATH)["_embedded"]["accounts"]
        return found

    def add(self, user_id: str, name: str, role: str, about: Mapping[str, str]) -> Account:
        """Open an account. Raises CommandError."""
        body = {"userId": user_id, "userNm": name, "role": role, **about}
        return self._answer("POST", PATH, body)

    def change_role(self, user_id: str, role: str, about: Mapping[str, str]) -> Account:
        """Give an account another role. Raises CommandError."""
        return self._answer("POST", f"{PATH}/role", {"userId": user_id, "role": role, **about})

    def reset_password(self, user_id: str, about: Mapping[str, str]) -> Account:
        """Replace a password by a one-time one. Raises CommandError."""
        return self._answer("POST", f"{PATH}/password", {"userId": user_id, **about})

    def _answer(self, method: str, path: str, body: object = None) -> Account:
        content = b"" if body is None else json.dumps(body).encode()
        headers = self.tokens.headers(SERVICE, method, path, content)
        headers |= {"Accept-Language": language(os.environ)}
        try:
            answer: Account = json.loads(call(f"{self.url}{path}", body=body, headers=headers))
        except HTTPError as refusal:
            if refusal.code == HTTPStatus.NOT_FOUND:
                raise CommandError("no-such-account") from None
            raise CommandError("service-refuses", service=SERVICE, reason=_why(refusal)) from None
        except (OSError, ValueError) as error:
            raise CommandError("service-silent", service=SERVICE, error=error) from None
        return answer


def desk(home: Home) -> Desk:
    """Return the desk of the open shop. Raises CommandError when no shop is open."""
    control.views(home)  # while no shop is running, its ports may be anybody's
    shop = shop_file.read_known(home)
    tokens = ServiceTokens(OPS, Path(shop.ops_key).read_text(), '{"keys": []}')
    return Desk(shop.addresses[SERVICE], tokens)


def show_all(accounts: Sequence[Account], to: Console) -> None:
    """Print a row for each account."""
    table = Table(box=None, pad_edge=False)
    for name in COLUMNS:
        table.add_column(say(f"column-{name}"), no_wrap=True)
    for account in accounts:
        password = "one-time-password" if account["oneTimeUntil"] else "own-password"
        table.add_row(
            account["userId"],
            account["userNm"],
            ", ".join(account["roles"]),
            account["createdAt"][:10],
            say(password),
        )
    to.print(table)


def without_links(account: Account) -> Account:
    """Return the account as `--json` prints it."""
    return {name: value for name, value in account.items() if name != "_links"}


def _why(refusal: HTTPError) -> object:
    document = problem(refusal)
    faults = [fault["detail"] for fault in document.get("errors", [])]
    return " ".join(faults) or document.get("detail", refusal)

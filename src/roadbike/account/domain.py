"""Accounts, the rules for names and passwords, and how many failed log-ins are too many."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from roadbike.contracts.identity import AUDIENCE, ISSUER, Role
from roadbike.kit.pure.refusals import Fault, Invalid, Refusal, TooMany

USER_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{1,63}$"
TAKEN: Final = frozenset({"tokens"})  # /accounts/tokens is something else
SHORTEST: Final = 8
LONGEST: Final = 128
ENDINGS: Final = (  # what people put behind a common word
    *("", "1", "12", "123", "1234", "12345", "!", "1!", "123!", "@", "0", "00"),
    *("2020", "2021", "2022", "2023", "2024", "2025", "2026", "2027"),
)


class UserExists(Refusal):
    """A user id is given once and never again."""

    slug = "user-exists"
    status = 409


class WrongCredentials(Refusal):
    """No such user, or another password: which of both is not told."""

    slug = "wrong-credentials"
    status = 401

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One user. `password_hash` is argon2's encoded form, parameters included."""

    user_id: str
    user_name: str
    password_hash: str
    roles: frozenset[Role]
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How many log-ins may fail within the window before all are refused."""

    per_account: int = 10
    per_client: int = 10
    in_all: int = 1000
    window: timedelta = timedelta(minutes=5)

    def retry_after(self, now: datetime, last_allowed: Sequence[datetime | None]) -> float | None:
        """The seconds until a log-in is looked at again; None when it is looked at now.

        `last_allowed` is, for each limit of n, the time of the n-th last failure if there were
        as many: while it is in the window, the limit is reached.
        """
        ends = [at + self.window for at in last_allowed if at is not None]
        waits = [(end - now).total_seconds() for end in ends if end > now]
        return max(waits) if waits else None


def check_limits(limits: Limits, now: datetime, last_allowed: Sequence[datetime | None]) -> None:
    wait = limits.retry_after(now, last_allowed)
    if wait is not None:
        raise TooMany(retry_after=wait)


def folded(user_id: str) -> str:
    """The one form of a user id, however it is typed."""
    return user_id.casefold()


def new_user_id(typed: str) -> str:
    """The user id that a new account may have. Raises Invalid."""
    user_id = folded(typed)
    if not re.fullmatch(USER_ID, typed) or user_id in TAKEN:
        raise Invalid(Fault(slug="fault-user-id", pointer="/userId"))
    return user_id


def normal(password: str) -> str:
    """The same characters however a keyboard composed them: Hangul differs between systems."""
    return unicodedata.normalize("NFKC", password)


def new_password(typed: str, user_id: str, common: AbstractSet[str]) -> str:
    """A password that may be chosen, in its normal form. Length and rarity, nothing else."""
    password = normal(typed)
    if not SHORTEST <= len(password) <= LONGEST:
        facts = {"minimum": SHORTEST, "maximum": LONGEST}
        raise Invalid(Fault(slug="fault-password-length", pointer="/password", facts=facts))
    if password.casefold() == user_id or is_common(password, common):
        raise Invalid(Fault(slug="fault-password-common", pointer="/password"))
    return password


def is_common(password: str, common: AbstractSet[str]) -> bool:
    """Whether it is a common word, alone or with one of the usual endings."""
    told = password.casefold()
    return any(told.endswith(end) and told.removesuffix(end) in common for end in ENDINGS)


def claims(account: Account, issued_at: int, lifetime_s: int) -> Mapping[str, Any]:
    """What an access token says; `issued_at` in seconds since the epoch."""
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": account.user_id,
        "roles": sorted(account.roles),
        "iat": issued_at,
        "exp": issued_at + lifetime_s,
    }

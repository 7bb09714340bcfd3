"""Accounts, the rules for user ids and passwords, and the limits of failed log-ins."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from roadbike.contracts.identity import AUDIENCE, ISSUER, STAFF, Role
from roadbike.kit.pure.refusals import Fault, Invalid, Refusal, TooMany

USER_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{1,63}$"
RESERVED_USER_IDS: Final = frozenset(
    {"tokens", "me", "staff", "audit"}
)  # the API uses them as path segments
MIN_PASSWORD_LENGTH: Final = 8
MAX_PASSWORD_LENGTH: Final = 128
MAX_DELAY_SECONDS: Final = 2.0
ONE_TIME_LIFE: Final = timedelta(days=7)  # of a password that was given to its user
ENDINGS: Final = (  # that people append to a common word
    *("", "1", "12", "123", "1234", "12345", "!", "1!", "123!", "@", "0", "00"),
    *("2020", "2021", "2022", "2023", "2024", "2025", "2026", "2027"),
)


class UserExists(Refusal):
    """The user id is taken; user ids are never reused."""

    slug = "user-exists"
    status = 409


class WrongCredentials(Refusal):
    """The user does not exist or the password is wrong; the answer does not say which."""

    slug = "wrong-credentials"
    status = 401

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class SessionEnded(Refusal):
    """The browser session does not exist, or it has ended: its user has to log in."""

    slug = "session-ended"
    status = 401


class PasswordMustChange(Refusal):
    """The password is right, but one-time: its user has to choose another one with it."""

    slug = "password-must-change"
    status = 403


class LastAdmin(Refusal):
    """Without this account nobody would be admin."""

    slug = "last-admin"
    status = 409


class UnusableUserId(Invalid):
    """The user id has the wrong form or is reserved."""


class UnusablePassword(Invalid):
    """The password is too short, too long or too common."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One user, and where parcels for this user go.

    password_hash: in argon2's encoded form, which includes its parameters.
    one_time_until: until when the password counts that its user has to replace; None for one that
    they have chosen.
    """

    user_id: str
    user_name: str
    password_hash: str
    roles: frozenset[Role]
    created_at: datetime
    phone: str | None = None
    email: str | None = None
    zip_code: str | None = None
    address: str | None = None
    one_time_until: datetime | None = None

    @property
    def is_staff(self) -> bool:
        """Return whether its user works for the shop."""
        return bool(self.roles & STAFF)

    @property
    def role_names(self) -> list[str]:
        """Return the roles in a fixed order."""
        return sorted(self.roles)

    def __repr__(self) -> str:
        return f"Account({self.user_id!r})"  # keeps the hash and personal data out of logs


@dataclass(frozen=True, kw_only=True, slots=True)
class Guess:
    """A log-in, as far as the limits need to know it.

    user_id: in its stored form. client: the address that it comes from.
    device: the id of the device that has logged in to this account before; None for all others.
    """

    user_id: str
    client: str
    device: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How many log-ins may fail within the window.

    per_account, per_client: the failures of one user id and of one address before further ones
    are refused; a known device has a count of its own instead, as high as that of an account.
    in_all: the failures of everybody before all log-ins are delayed; they are never refused.
    """

    per_account: int = 10
    per_client: int = 10
    in_all: int = 1000
    window: timedelta = timedelta(minutes=5)

    def delay_seconds(self, failures: int) -> float:
        """Return how long a log-in waits before its password is checked.

        failures: of everybody within the window. The delay grows from 0 at `in_all` to
        MAX_DELAY_SECONDS at twice as many.
        """
        above = (failures - self.in_all) / self.in_all
        return MAX_DELAY_SECONDS * min(1.0, max(0.0, above))

    def retry_after(self, now: datetime, last_allowed: Sequence[datetime | None]) -> float | None:
        """Return the seconds until a log-in is allowed again; None when it is allowed now.

        last_allowed: for each limit of n, the time of the n-th last failure, or None if there
        were fewer. While that time is in the window, the limit is reached.
        """
        ends = [time + self.window for time in last_allowed if time is not None]
        waits = [(end - now).total_seconds() for end in ends if end > now]
        return max(waits) if waits else None


def check_limits(limits: Limits, now: datetime, last_allowed: Sequence[datetime | None]) -> None:
    """Raise TooMany when a limit is reached."""
    wait = limits.retry_after(now, last_allowed)
    if wait is not None:
        raise TooMany(retry_after=wait)


def case_folded(user_id: str) -> str:
    """Return the stored form of a user id: upper and lower case are the same.

    User ids are in ASCII. No account has another text as its id, so such a text is returned
    unchanged: str.lower would make "kim" of a text that begins with the sign for kelvin, and some
    texts longer than their column.
    """
    return user_id.lower() if user_id.isascii() else user_id


def new_user_id(typed: str) -> str:
    """Return the user id of a new account in its stored form. Raises UnusableUserId."""
    user_id = case_folded(typed)
    if not re.fullmatch(USER_ID, typed) or user_id in RESERVED_USER_IDS:
        raise UnusableUserId(Fault(slug="fault-user-id"))
    return user_id


def normal(password: str) -> str:
    """Return the password in Unicode's NFKC form: systems compose Hangul differently."""
    return unicodedata.normalize("NFKC", password)


def new_password(typed: str, user_id: str, common: AbstractSet[str]) -> str:
    """Return a password that may be chosen, in its normal form. Raises UnusablePassword.

    Only its length and how common it is count (NIST SP 800-63B), not which characters it has.
    """
    password = normal(typed)
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        facts = {"minimum": MIN_PASSWORD_LENGTH, "maximum": MAX_PASSWORD_LENGTH}
        raise UnusablePassword(Fault(slug="fault-password-length", facts=facts))
    if password.casefold() == user_id or is_common(password, common):
        raise UnusablePassword(Fault(slug="fault-password-common"))
    return password


def with_role(account: Account, role: Role, admins: Iterable[Account]) -> Account:
    """Return the account with this role only. Raises LastAdmin when no other one is admin."""
    others = [admin for admin in admins if admin.user_id != account.user_id]
    if Role.ADMIN in account.roles and role is not Role.ADMIN and not others:
        raise LastAdmin
    return replace(account, roles=frozenset({role}))


def is_common(password: str, common: AbstractSet[str]) -> bool:
    """Return whether it is a common word, alone or with one of ENDINGS."""
    lower = password.casefold()
    return any(lower.endswith(end) and lower.removesuffix(end) in common for end in ENDINGS)


def claims(account: Account, issued_at: int, lifetime_seconds: int) -> Mapping[str, Any]:
    """Return the claims of an access token. issued_at: seconds since 1970, UTC."""
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": account.user_id,
        "roles": sorted(account.roles),
        "iat": issued_at,
        "exp": issued_at + lifetime_seconds,
    }

"""The accounts of staff over HTTP: for admins, and for the operator's commands."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from roadbike.account import domain, staff
from roadbike.account.api import NewUserId, with_pointer
from roadbike.account.domain import Account, UnusableUserId, UserExists
from roadbike.account.passwords import Passwords
from roadbike.contracts.audit import Why
from roadbike.contracts.identity import Role
from roadbike.contracts.types import Name, UserId
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.audit_log import OPERATOR
from roadbike.kit.db import Database
from roadbike.kit.pure.callers import OPERATOR as OPERATOR_SERVICE
from roadbike.kit.pure.refusals import Forbidden, NotFound
from roadbike.kit.web import (
    ADMIN,
    INTERNAL,
    Body,
    Caller,
    Line,
    Links,
    Reply,
    Route,
    get,
    links,
    patch,
    post,
    view,
)
from roadbike.kit.web.media import JSON

URL: Final = "/accounts/staff"
OPERATOR_URL: Final = "/internal/staff"


class NewStaff(Body, frozen=True, kw_only=True, rename=wire_name):
    """A new account of staff. why: the reason, for the audit log."""

    user_id: NewUserId
    user_name: Name
    role: Role
    why: Why | None = None


class RoleChange(Body, frozen=True, kw_only=True, rename=wire_name):
    """The role that an account is to have; `buyer` makes it an account without rights of staff."""

    role: Role
    why: Why | None = None


class PasswordReset(Body, frozen=True, kw_only=True, rename=wire_name):
    """The request for a one-time password."""

    why: Why | None = None


class NewStaffBy(NewStaff, frozen=True, kw_only=True, rename=wire_name):
    """The same from a command. by: the name of who uses it."""

    by: Line


class RoleChangeBy(RoleChange, frozen=True, kw_only=True, rename=wire_name):
    """The same from a command."""

    user_id: UserId
    by: Line


class PasswordResetBy(PasswordReset, frozen=True, kw_only=True, rename=wire_name):
    """The same from a command."""

    user_id: UserId
    by: Line


class StaffView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """An account of staff. one_time_until: set while the user has to choose a password."""

    user_id: str
    user_name: str
    roles: list[str]
    created_at: datetime
    one_time_until: datetime | None
    links: Links = {}


class WithPassword(StaffView, frozen=True, kw_only=True, rename=wire_name):
    """An account with its one-time password, which is shown this once."""

    one_time_password: str

    def __repr__(self) -> str:
        return f"WithPassword({self.user_id!r})"  # keeps the password out of logs


class StaffAccounts(msgspec.Struct, frozen=True):
    """The accounts of all staff."""

    accounts: Sequence[StaffView]


class StaffList(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of all staff, in HAL."""

    embedded: StaffAccounts = msgspec.field(name="_embedded")
    links: Links = msgspec.field(name="_links")


class StaffApi:
    """`/accounts/staff` for admins, and `/internal/staff` for the command `roadbike account`."""

    def __init__(self, db: Database, passwords: Passwords) -> None:
        self.db = db
        self.passwords = passwords

    def routes(self) -> list[Route]:
        one = f"{URL}/{{user_id:str}}"
        return [
            get(URL, self.all, who=ADMIN),
            post(URL, self.add, who=ADMIN, refuses=(409,)),
            get(one, self.get, who=ADMIN),
            patch(one, self.change_role, who=ADMIN, refuses=(409,)),
            post(f"{one}/password", self.reset_password, who=ADMIN, status=200),
            *self._operator_routes(),
        ]

    def _operator_routes(self) -> list[Route]:
        path = OPERATOR_URL
        return [
            get(path, self.operator_all, who=INTERNAL, media_type=JSON),
            post(path, self.operator_add, who=INTERNAL, refuses=(409,)),
            post(f"{path}/role", self.operator_role, who=INTERNAL, status=200, refuses=(409,)),
            post(f"{path}/password", self.operator_password, who=INTERNAL, status=200),
        ]

    async def all(self) -> StaffList:
        """List the accounts of staff."""
        async with self.db.read() as tx:
            found = await staff.all_staff(tx)
        return StaffList(
            embedded=StaffAccounts([_view(each) for each in found]), links=links(self=URL)
        )

    async def get(self, user_id: str) -> StaffView:
        """Show one account of staff."""
        async with self.db.read() as tx:
            found = await staff.all_staff(tx)
        for account in found:
            if account.user_id == domain.case_folded(user_id):
                return _view(account)
        raise NotFound

    async def add(self, data: NewStaff, caller: Caller) -> Reply[WithPassword]:
        """Open an account for one of staff; the answer has its one-time password."""
        return await self._add(data, caller.user_id)

    async def change_role(self, user_id: str, data: RoleChange, caller: Caller) -> StaffView:
        """Give an account another role; its sessions end."""
        return await self._change_role(user_id, data, caller.user_id)

    async def reset_password(
        self, user_id: str, data: PasswordReset, caller: Caller
    ) -> WithPassword:
        """Make a one-time password for one of staff; their sessions end."""
        return await self._reset_password(user_id, data, caller.user_id)

    async def operator_all(self, caller: Caller) -> StaffList:
        """List the accounts of staff for a command."""
        _check_operator(caller)
        return await self.all()

    async def operator_add(self, data: NewStaffBy, caller: Caller) -> Reply[WithPassword]:
        """Open an account for one of staff, by a command."""
        _check_operator(caller)
        return await self._add(data, OPERATOR + data.by)

    async def operator_role(self, data: RoleChangeBy, caller: Caller) -> StaffView:
        """Give an account another role, by a command."""
        _check_operator(caller)
        return await self._change_role(data.user_id, data, OPERATOR + data.by)

    async def operator_password(self, data: PasswordResetBy, caller: Caller) -> WithPassword:
        """Make a one-time password for one of staff, by a command."""
        _check_operator(caller)
        return await self._reset_password(data.user_id, data, OPERATOR + data.by)

    async def _add(self, data: NewStaff, by: str) -> Reply[WithPassword]:
        try:
            account, password = await staff.add_staff(
                self.db,
                self.passwords,
                user_id=data.user_id,
                user_name=data.user_name,
                role=data.role,
                by=by,
                why=data.why,
            )
        except UnusableUserId as refusal:
            raise with_pointer(refusal, "/userId") from refusal
        except UserExists as refusal:
            refusal.pointer = "/userId"
            raise
        body = _with_password(account, password)
        return Reply(body, headers={"Location": f"{URL}/{account.user_id}"})

    async def _change_role(self, user_id: str, data: RoleChange, by: str) -> StaffView:
        change = partial(staff.set_role, user_id=user_id, role=data.role, by=by, why=data.why)
        return _view(await self.db.transact(change))

    async def _reset_password(self, user_id: str, data: PasswordReset, by: str) -> WithPassword:
        account, password = await staff.reset_password(
            self.db, self.passwords, user_id, by=by, why=data.why
        )
        return _with_password(account, password)


def _check_operator(caller: Caller) -> None:
    """Raise Forbidden for services: none of them may make an admin."""
    if caller.user_id != OPERATOR_SERVICE:
        raise Forbidden


def _view(account: Account) -> StaffView:
    own = f"{URL}/{account.user_id}"
    shown = view(StaffView, account, links(self=own, resetPassword=f"{own}/password"))
    return msgspec.structs.replace(shown, roles=account.role_names)


def _with_password(account: Account, password: str) -> WithPassword:
    return WithPassword(**msgspec.structs.asdict(_view(account)), one_time_password=password)

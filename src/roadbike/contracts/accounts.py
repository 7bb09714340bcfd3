"""The body of GET /internal/accounts/{userId}/contact, which delivery calls synchronously."""

import msgspec

from roadbike.contracts.wire_names import wire_name


class Contact(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """The answer (200): who a parcel for this user goes to, and where; what is unknown is None."""

    user_name: str | None = None
    phone: str | None = None
    zip_code: str | None = None
    address: str | None = None

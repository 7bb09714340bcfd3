"""Every setting has limits: numbers a range, texts a form, and keys are checked at the start."""

from importlib import import_module
from typing import Any

import msgspec
import pytest

from roadbike.kit.process.internal_tokens import service_tokens
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.setting_faults import SettingError, fault_of
from roadbike.kit.process.settings import ServiceSettings, variable
from roadbike.local.services import SERVICES

Fields = dict[str, msgspec.structs.FieldInfo]


def fields() -> Fields:
    kinds = [import_module(f"{spec.package}.app").Settings for spec in SERVICES]
    return {variable(one): one for kind in kinds for one in msgspec.structs.fields(kind)}


NUMBERS = {"ROADBIKE_PORT", "ROADBIKE_EXPIRE_AFTER_SECONDS", "ROADBIKE_READ_TIMEOUT_SECONDS"}


@pytest.mark.parametrize("name", sorted(fields()))
@pytest.mark.parametrize("text", ["-1", "1000000000000"])
def test_a_number_out_of_any_range_is_refused(name: str, text: str) -> None:
    field = fields()[name]

    if not is_number(field.type):
        assert name not in NUMBERS
        return
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, field.type, strict=False)
    assert fault_of(name, field.type, text).in_("en").startswith(f"{name} is wrong: it must be ")


def is_number(type_: Any) -> bool:
    try:
        return msgspec.convert("7", type_, strict=False) == 7
    except (msgspec.ValidationError, NotImplementedError):
        return False


def test_wrong_keys_of_internal_calls_are_named_together_and_not_shown() -> None:
    chosen = ServiceSettings(
        port=0,
        database_url=Secret(""),
        broker_url=Secret(""),
        account_url="",
        account_keys="",
        service_key=Secret("no key"),
        caller_keys="[]",
    )

    with pytest.raises(SettingError) as caught:
        service_tokens("stock", chosen)

    first, second = str(caught.value).splitlines()
    assert first.startswith("ROADBIKE_SERVICE_KEY is wrong: ")
    assert second.startswith("ROADBIKE_CALLER_KEYS is wrong: ")
    assert "no key" not in first

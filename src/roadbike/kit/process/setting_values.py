"""How one setting is read from the environment, and the forms that its text may need."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from roadbike.kit.process.secret import Secret
from roadbike.kit.process.setting_faults import SettingError, fault, fault_of
from roadbike.kit.pure.texts import UnusableText
from roadbike.kit.urls import UrlFault

PREFIX: Final = "ROADBIKE_"
FILE_SUFFIX: Final = "_FILE"  # names the file that holds the value


Form = Callable[[str], str]
"""Returns the text as it is to be used; raises UrlFault or UnusableText when it is wrong."""


def variable(field: msgspec.structs.FieldInfo) -> str:
    """Return the name of the environment variable that holds this field."""
    own = field.encode_name != field.name
    return field.encode_name if own else PREFIX + field.name.upper()


def value_of(
    field: msgspec.structs.FieldInfo, environ: Mapping[str, str], form: Form | None
) -> object:
    """Return the value of the field, None if it is not set and has a default."""
    name = variable(field)
    text = _text(name, environ)
    if text is None:
        if field.required:
            raise SettingError(fault("setting-missing", name=name))
        return None
    try:
        text = form(text) if form else text
        value: object = msgspec.convert(text, field.type, strict=False, dec_hook=_secret)
    except UrlFault as wrong:
        raise SettingError(fault("setting-wrong", name=name, reason=wrong)) from None
    except UnusableText:
        raise SettingError(fault("setting-not-a-line", name=name)) from None
    except msgspec.ValidationError:
        raise SettingError(fault_of(name, field.type, text)) from None
    return value


def _text(name: str, environ: Mapping[str, str]) -> str | None:
    if environ.get(name):
        return environ[name]
    path = environ.get(name + FILE_SUFFIX)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise SettingError(fault("setting-file", name=name, path=path, error=error)) from None
    except UnicodeDecodeError:
        raise SettingError(fault("setting-file-not-text", name=name, path=path)) from None


def _secret(type_: type, value: object) -> object:
    if type_ is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(type_)

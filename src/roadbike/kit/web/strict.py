"""Litestar's way to read a body, replaced by our strict one."""

from typing import Any, ClassVar, TypeVar

import msgspec
from litestar.dto import AbstractDTO
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from roadbike.kit.pure.refusals import BadRequest
from roadbike.kit.web.bodies import Reader

T = TypeVar("T", bound=msgspec.Struct)


class StrictBody(AbstractDTO[T]):
    """Decodes with a Reader; the document shows the type as it is."""

    reader: ClassVar[Reader]

    def decode_bytes(self, value: bytes) -> Any:
        """Return an instance of the type. Raises BadRequest or Invalid."""
        return self.reader.read(value)

    def decode_builtins(self, value: dict[str, Any]) -> Any:  # noqa: ARG002 forms are not taken
        """Refuse forms: they never get here, the media type is looked at before."""
        raise BadRequest

    @classmethod
    def create_for_field_definition(cls, *_: Any, **__: Any) -> None:
        """Need no generated transfer model."""

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,  # noqa: ARG003
        schema_creator: Any,
    ) -> Reference | Schema:
        """Describe the type itself."""
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Any:  # noqa: ARG003
        """Need no generated transfer model."""
        return iter(())

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:  # noqa: ARG003
        """Need no generated transfer model."""
        return False


def strict_body(type_: type[msgspec.Struct]) -> type[StrictBody[Any]]:
    """Make the reader of one type of body, as Litestar wants it."""
    return type("StrictBody", (StrictBody,), {"model_type": type_, "reader": Reader(type_)})

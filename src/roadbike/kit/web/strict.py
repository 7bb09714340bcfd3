"""Make Litestar read a body with our strict Reader."""

from typing import Any, ClassVar, TypeVar

import msgspec
from litestar.dto import AbstractDTO
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from roadbike.kit.pure.refusals import BadRequest
from roadbike.kit.web.bodies import Reader

T = TypeVar("T", bound=msgspec.Struct)


class StrictBody(AbstractDTO[T]):
    """A Litestar DTO that decodes with a Reader and describes the type unchanged in OpenAPI."""

    reader: ClassVar[Reader]

    def decode_bytes(self, value: bytes) -> Any:
        """Return an instance of the type. Raises BadRequest or Invalid."""
        return self.reader.read(value)

    def decode_builtins(self, value: dict[str, Any]) -> Any:  # noqa: ARG002 Litestar's
        """Refuse forms; the check of the media type comes first, so no form gets here."""
        raise BadRequest

    @classmethod
    def create_for_field_definition(cls, *_: Any, **__: Any) -> None:
        """Do nothing: no transfer model is needed."""

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,  # noqa: ARG003 Litestar's
        schema_creator: Any,
    ) -> Reference | Schema:
        """Return the schema of the type itself."""
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Any:  # noqa: ARG003 Litestar's
        """Return no fields: no transfer model is needed."""
        return iter(())

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:  # noqa: ARG003 Litestar's
        """Return False: no transfer model is needed."""
        return False


def strict_body(type_: type[msgspec.Struct]) -> type[StrictBody[Any]]:
    """Return the DTO class for one type of body."""
    return type("StrictBody", (StrictBody,), {"model_type": type_, "reader": Reader(type_)})

"""What an entry says: the base of its kinds, each of which has a name and its fields."""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields
from typing import ClassVar, dataclass_transform

from tasks.model import Json, Row

# A field whose name an entry itself has.
STORED_AS = "stored as"
# Each name with the bodies it stands for.
KINDS: dict[str, list[type[Told]]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class Told:
    """What an entry says, before it has its place in a chain. A frozen dataclass, as each of its kinds is."""

    kind: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Json]]]

    def __init_subclass__(cls, *, kind: str = "") -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        if kind:
            cls.kind = kind
            KINDS.setdefault(kind, []).append(cls)

    def body(self) -> Row:
        """As it is stored, but for what redaction hides."""
        said: list[tuple[Field[Json], Json]] = [(one, getattr(self, one.name)) for one in fields(self)]
        return {stored_as(one): value for one, value in said if value is not None or one.default is MISSING}


def stored_as(one: Field[Json]) -> str:
    """The name of a field in a stored body."""
    return str(one.metadata.get(STORED_AS, one.name))

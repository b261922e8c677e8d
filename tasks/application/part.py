"""What a part of an application's database is made of: a table, its columns, and what the values in them mean."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

# Postgres cuts a longer name off, and might then find another one.
LONGEST_NAME = 63


def _name(text: str) -> str:
    if not text or "\0" in text or len(text.encode()) > LONGEST_NAME:
        raise ValueError(f"write a name as it stands in the catalog, without quotes: 1 to {LONGEST_NAME} bytes")
    return text


Name = Annotated[str, AfterValidator(_name)]
Column = Name | None
Value = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Values = tuple[Value, ...]


def column(says: str) -> Column:
    """An optional column; `says` is what a person reads who is asked to name it."""
    # pydantic's Field is typed as whatever it stands for.
    made: Column = Field(default=None, description=says)
    return made


def values(says: str) -> Values:
    """Those values of a column that mean one thing; none: nobody has said which."""
    made: Values = Field(default=(), description=says)
    return made


class Written(BaseModel):
    """Written by a person, as it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Meanings(Written):
    """What the values of one column mean; no value means two things."""

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        said: dict[str, str] = {}
        for meaning in type(self).model_fields:
            for value in getattr(self, meaning):
                if said.setdefault(value, meaning) != meaning:
                    raise ValueError(f"{value!r} cannot mean both {said[value]} and {meaning}; take it out of one")
        return self


class Part(Written):
    """A table that plays a part, and its columns. What is not named is not asked about."""

    # Questions look at so many days at most by these: an index that begins with one answers in milliseconds.
    filtered_by: ClassVar[tuple[str, ...]] = ()
    # Of those, what is asked of rows of one status only, so that an index of those rows is enough.
    of_one_status: ClassVar[tuple[str, ...]] = ()

    table: Name
    schema_name: Name = Field(default="public", alias="schema")

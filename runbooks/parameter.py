"""What a person fills in before a playbook begins: typed, checked at intake, and the same until the end."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError
from rapidfuzz import process

from tasks.model import Json

# A tenant, a table, a migration: nothing that a shell, a path or a command line could take for something else.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$")]

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SCALARS = {"string", "integer", "number", "boolean"}


class WrongParameters(Exception):
    """What was filled in does not fit the playbook's parameters; the message names each that does not."""


class _Required:
    def __repr__(self) -> str:
        return "no default"


REQUIRED = _Required()


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One value that actions and checks take by `name`.

    `type` is anything pydantic can judge: `Name`, `Literal["up", "down"]`, `Annotated[int, Field(ge=1, le=90)]`.
    A text needs a pattern or a list of choices: `--all` must be refused at intake, not by whoever reads it later.
    Never a secret: what is filled in is shown and recorded.
    """

    name: str
    says: str
    type: Any
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def schema(self) -> dict[str, Any]:
        """As a form asks for it."""
        own: dict[str, Any] = {"title": self.name.replace("_", " ").capitalize(), "description": self.says}
        if not self.required:
            own["default"] = self.default
        return {**TypeAdapter(self.type).json_schema(), **own}

    def judged(self, given: object) -> Json:
        """The value as it is recorded and handed on. A text may stand for a number: the command line knows no other.

        Raises:
            ValidationError: it is not of this type.
        """
        judge = TypeAdapter(self.type)
        taken = judge.validate_strings(given) if isinstance(given, str) else judge.validate_python(given, strict=True)
        value: Json = judge.dump_python(taken, mode="json")
        return value

    def contradictions(self) -> Iterator[str]:
        """What is wrong with the declaration itself."""
        which = f"parameter {self.name!r}"
        if not _IDENTIFIER.fullmatch(self.name) or self.name == "plan":
            yield f"{which} is no name an action could take. Write it in small letters, like tenant_id."
        if not self.says.strip():
            yield f"{which} does not say what to fill in. Give it `says`."
        schema = TypeAdapter(self.type).json_schema()
        chosen = "enum" in schema or "const" in schema
        if not chosen and schema.get("type") not in _SCALARS:
            yield f"{which} is no text, number or yes-or-no. Take one value for one parameter."
        elif schema.get("type") == "string" and not chosen and "pattern" not in schema:
            yield f"{which} would take any text at all. Give its type a pattern, or a list of choices."
        elif not self.required and _complaint(self, self.default):
            yield f"{which} has a default that it would refuse: {self.default!r}."


def needed_by(fn: Callable[..., object]) -> set[str]:
    """The arguments without which `fn` cannot be called."""
    return {
        name
        for name, taken in inspect.signature(fn).parameters.items()
        if taken.default is taken.empty and taken.kind not in (taken.VAR_POSITIONAL, taken.VAR_KEYWORD)
    }


def filled_in(parameters: tuple[Parameter, ...], given: Mapping[str, object]) -> dict[str, Json]:
    """The values of all parameters, checked.

    Raises:
        WrongParameters: one is missing, unknown, or not of its type; all of them are named.
    """
    known = {parameter.name: parameter for parameter in parameters}
    complaints = [_unknown(name, known) for name in given if name not in known]
    for name, parameter in known.items():
        if name in given and (complaint := _complaint(parameter, given[name])):
            complaints.append(complaint)
        elif name not in given and parameter.required:
            complaints.append(f"{name} is missing: {parameter.says}")
    if complaints:
        raise WrongParameters("\n".join(complaints))
    return {name: p.judged(given.get(name, p.default)) for name, p in known.items()}


def _complaint(parameter: Parameter, given: object) -> str:
    try:
        parameter.judged(given)
    except ValidationError as error:
        said = "; ".join(problem["msg"] for problem in error.errors(include_input=False, include_url=False))
        return f"{parameter.name}: {given!r} will not do: {said}. {parameter.says}"
    return ""


def _unknown(name: str, known: Mapping[str, Parameter]) -> str:
    near = process.extractOne(name, list(known), score_cutoff=60)
    advice = f"Did you mean {near[0]!r}?" if near else f"It takes: {', '.join(known) or 'none'}."
    return f"{name!r} is no parameter here. {advice}"

"""TOML, read so that every error (InvalidConfig) names the file, the key and the cure."""

from __future__ import annotations

import os
import string
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from rapidfuzz import process

M = TypeVar("M", bound=BaseModel)


class InvalidConfig(Exception):
    """The configuration cannot be used; the message names the file, the key and the cure."""


def read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidConfig(f"{file}: cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{file}: not valid TOML: {error}.") from error


def as_table(value: object, file: Path, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidConfig(f"{file}: {where}: expected a table, [{where}].")
    return value


def tables_in(value: object, file: Path, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in as_table(value, file, where).items():
        yield name, as_table(table, file, f"{where}.{name}")


def filled(value: Any, file: Path, where: str) -> Any:
    """Put the process environment's values where `${NAME}` stands."""
    if isinstance(value, dict):
        return {key: filled(item, file, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, file, f"{where}[{n}]") for n, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    try:
        return string.Template(value).substitute(os.environ)
    except KeyError as error:
        raise InvalidConfig(
            f"{file}: {where}: the environment variable {error.args[0]} is not set. Export it, then try again."
        ) from error
    except ValueError as error:
        raise InvalidConfig(f"{file}: {where}: a lone '$'. Write ${{NAME}} for a variable, $$ for the sign.") from error


def unset(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Each key whose variable is not set, and the variable."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from unset(item, f"{where}.{key}")
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from unset(item, f"{where}.{n}")
    elif isinstance(value, str):
        yield from ((where, name) for name in string.Template(value).get_identifiers() if name not in os.environ)


def refuse_unknown(file: Path, where: str, table: Mapping[str, object], known: set[str]) -> None:
    for key in table:
        if key not in known:
            place = f"{where}.{key}" if where else key
            raise InvalidConfig(
                f"{file}: {place}: unknown key.{nearest(key, known)} Known: {', '.join(sorted(known))}."
            )


def closest(word: str, known: Iterable[str]) -> str:
    """Which of `known` was meant; empty if none looks like it."""
    found = process.extractOne(word, list(known), score_cutoff=60)
    return found[0] if found else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The same as a sentence, led by a space."""
    found = closest(word, known)
    return f" Did you mean {found!r}?" if found else ""


def validated(cls: type[M], table: Mapping[str, Any], file: Path, where: str) -> M:
    try:
        return cls.model_validate(dict(table))
    except ValidationError as error:
        # Values stay out of the message: one of them may be a secret.
        said = [
            f"{file}: {'.'.join([where, *map(str, problem['loc'])])}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidConfig("\n".join(said)) from None

"""Does what a journal holds fit the kinds that are declared? For entries that this release wrote."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from flows.journal import Entry
from flows.journal.body import KINDS, Told, stored_as
from tasks.model import Json


def misfits(entries: Iterable[Entry]) -> list[str]:
    """What no declared kind's body fits, in sentences."""
    found = []
    for entry in entries:
        complaints = [complaint(kind, entry.body) for kind in KINDS.get(entry.kind, ())]
        if not complaints or all(complaints):
            found.append(f"{entry.key} ({entry.kind}): {' '.join(complaints) or 'nobody declared it'}")
    return found


def complaint(kind: type[Told], body: Mapping[str, Any]) -> str:
    types = stored_types(kind)
    must = {stored_as(one) for one in fields(kind) if one.default is not None}
    wrong = [f"{name} is {body[name]!r}" for name in body if name in types and not holds(body[name], types[name])]
    lacking, unknown = sorted(must - body.keys()), sorted(body.keys() - types.keys())
    return f"lacks {lacking}, unknown {unknown}, {wrong}" if lacking or unknown or wrong else ""


def stored_types(kind: type[Told]) -> dict[str, Any]:
    # `Row` names it, wherever a kind stands.
    hints = typing.get_type_hints(kind, localns={"Json": Json})
    return {stored_as(one): hints[one.name] for one in fields(kind)}


def holds(value: object, wanted: Any) -> bool:
    parts = typing.get_args(wanted) if isinstance(wanted, types.UnionType) else (wanted,)
    return any(_holds(value, part) for part in parts)


def _holds(value: object, wanted: Any) -> bool:
    plain = typing.get_origin(wanted) or wanted
    if plain is Sequence:
        (of,) = typing.get_args(wanted)
        return isinstance(value, list) and all(holds(one, of) for one in value)
    if plain is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, plain)

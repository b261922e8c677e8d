"""One record side by side, field by field: what a person looks at before deciding which store is right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from tasks.mirror.compare import KEYS_A_LOOK
from tasks.mirror.queries import RECORDS_BY_KEY, WHOLE_ROWS
from tasks.mirror.shape import Key, Pair, key_of, keys_json
from tasks.mirror.stores import Both, Side
from tasks.model import Json, Row

MASK = "••••"
# A cell of a form; longer values are shown from where they begin to differ.
LONGEST = 60
BEFORE = 12

# The journal knows secrets by the shape of their values; only here are the names of their columns known.
_SECRETIVE = re.compile(
    r"pass(word|wd|phrase)?|pwd|secret|token|api_?key|private_?key|credential|salt|hash$|iban|ssn", re.I
)
# Begins right after what is no part of an address, so that a long value costs no more than its length.
_EMAIL = re.compile(r"(?<![^\s@\"'<>,;:])([^\s@\"'<>,;:]{1,2})[^\s@\"'<>,;:]*+@(?=[\w.-])")


def side_by_side(both: Both, pair: Pair, keys: Sequence[Key]) -> dict[Key, list[Row]]:
    """The fields in which the rows with these keys disagree, a line each, masked as far as they are personal or secret.

    A line is `{table, key, field, in <left>, in <right>}`; the values are texts of at most LONGEST characters. A row
    that one store has not is one line without a field.

    Raises:
        CannotLook, Refused: no answer.
    """
    found: dict[Key, list[Row]] = {}
    for n in range(0, len(keys), KEYS_A_LOOK):
        asked = keys[n : n + KEYS_A_LOOK]
        left, right = _records(both, pair, asked)
        found |= {key: _lines(pair, key, left.get(key), right.get(key)) for key in asked}
    return found


def whole_rows(both: Both, pair: Pair, side: Side, keys: Sequence[Key]) -> dict[Key, list[Row]]:
    """What the rows with these keys hold that only one store has, a line each, masked like the fields above.

    Raises:
        CannotLook, Refused: no answer.
    """
    shape = pair.shape(side)
    found = both.session(side).run(shape.sql(WHOLE_ROWS), keys=keys_json(keys))
    names = [column.name for column in (*shape.columns, *shape.others)]
    told: dict[Key, list[Row]] = {}
    for row in found:
        values = zip(names, cast(list[Json], row["beginnings"]), strict=True)
        said = "; ".join(f"{name}: {_cut(_masked(pair, name, value), 0)}" for name, value in values)
        there = (said, "missing") if side is Side.LEFT else ("missing", said)
        told[key_of(row)] = [_line(pair, key_of(row), "the whole row", *there)]
    return told


def named(pair: Pair, key: Key) -> str:
    """'id 42', or 'org a, number 7'."""
    parts = zip(pair.table.key, key, strict=True)
    return ", ".join(f"{name} {_masked(pair, name, part)}" for name, part in parts)


def fields(lines: Sequence[Row]) -> str:
    """The names of the fields that disagree, each once: 'email, name'."""
    return ", ".join(dict.fromkeys(str(line["field"]) for line in lines if line["field"]))


@dataclass(frozen=True)
class _Record:
    """One row as it is looked at: each column's beginning, and the hash of the whole of it."""

    beginnings: Sequence[Json]
    marks: Sequence[Json]


def _records(both: Both, pair: Pair, keys: Sequence[Key]) -> tuple[dict[Key, _Record], dict[Key, _Record]]:
    left, right = both.ask(*pair.both(RECORDS_BY_KEY), keys=keys_json(keys))
    return {key_of(row): _record(row) for row in left}, {key_of(row): _record(row) for row in right}


def _record(row: Row) -> _Record:
    return _Record(cast(list[Json], row["beginnings"]), cast(list[Json], row["marks"]))


def _lines(pair: Pair, key: Key, left: _Record | None, right: _Record | None) -> list[Row]:
    if left is None or right is None:
        there = "missing" if left is None else "there", "missing" if right is None else "there"
        return [_line(pair, key, "", *there)] if left != right else []
    return [
        _line(pair, key, column.name, *_compared(pair, column.name, left.beginnings[n], right.beginnings[n]))
        for n, column in enumerate(pair.left.columns)
        if left.marks[n] != right.marks[n]
    ]


def _line(pair: Pair, key: Key, field: str, left: str, right: str) -> Row:
    return {
        "table": pair.table.title,
        "key": named(pair, key),
        "field": field,
        f"in {pair.left.store}": left,
        f"in {pair.right.store}": right,
    }


def _compared(pair: Pair, name: str, left: Json, right: Json) -> tuple[str, str]:
    """Both values, cut where it still shows how they differ."""
    one, other = _masked(pair, name, left), _masked(pair, name, right)
    if one == other and one != MASK:
        return _cut(one, 0), f"{_cut(other, 0)} (differs in what is not shown)"
    alike = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, alike - BEFORE) if max(len(one), len(other)) > LONGEST else 0
    return _cut(one, start), _cut(other, start)


def _masked(pair: Pair, name: str, value: Json) -> str:
    """A value as people may see it: no secret, no whole e-mail address."""
    if value is None:
        return "(NULL)"
    if name in pair.table.hidden or _SECRETIVE.search(name):
        return MASK
    return _EMAIL.sub(r"\1…@", str(value)) or "(empty)"


def _cut(text: str, start: int) -> str:
    cut = text[start : start + LONGEST]
    return f"{'…' if start else ''}{cut}{'…' if start + LONGEST < len(text) else ''}"

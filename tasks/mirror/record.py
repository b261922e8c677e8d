"""One record side by side, field by field: what a person looks at before deciding which store is right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.mirror.compare import KEYS_A_LOOK, Sick
from tasks.mirror.queries import VALUES_BY_KEY
from tasks.mirror.shape import Key, Pair, key_of, keys_json
from tasks.mirror.system import Both
from tasks.model import Json, Row

MASK = "••••"
# A cell of a form; longer values are shown from where they begin to differ.
LONGEST = 60
BEFORE = 12

# The journal knows secrets by the shape of their values; only here are the names of their columns known.
_SECRETIVE = re.compile(
    r"pass(word|wd|phrase)?|pwd|secret|token|api_?key|private_?key|credential|salt|hash$|iban|ssn", re.I
)
_EMAIL = re.compile(r"([^\s@\"'<>,;:]{1,2})[^\s@\"'<>,;:]*+@(?=[\w.-])")


def side_by_side(both: Both, pair: Pair, rows: Sequence[Sick]) -> dict[Key, list[Row]]:
    """The fields in which these rows disagree, a line each, masked as far as they are personal or secret.

    A line is `{table, key, field, in <left>, in <right>}`; the values are texts of at most LONGEST characters. A row
    that one store has not is one line without a field.

    Raises:
        CannotLook, Refused: no answer.
    """
    found: dict[Key, list[Row]] = {}
    for n in range(0, len(rows), KEYS_A_LOOK):
        keys = [row.key for row in rows[n : n + KEYS_A_LOOK]]
        left, right = _values(both, pair, keys)
        found |= {key: _lines(pair, key, left.get(key), right.get(key)) for key in keys}
    return found


def named(pair: Pair, key: Key) -> str:
    """'id 42', or 'org a, number 7'."""
    parts = zip(pair.table.key, key, strict=True)
    return ", ".join(f"{name} {_masked(pair, name, part)}" for name, part in parts)


def fields(lines: Sequence[Row]) -> str:
    """The names of the fields that disagree, each once: 'email, name'."""
    return ", ".join(dict.fromkeys(str(line["field"]) for line in lines if line["field"]))


def _values(both: Both, pair: Pair, keys: Sequence[Key]) -> tuple[dict[Key, list[Json]], dict[Key, list[Json]]]:
    answers = both.ask(*pair.both(VALUES_BY_KEY), keys=keys_json(keys))
    left, right = ({key_of(row): list(row["canonical"]) for row in answer} for answer in answers)  # type: ignore[arg-type]
    return left, right


def _lines(pair: Pair, key: Key, left: list[Json] | None, right: list[Json] | None) -> list[Row]:
    if left is None or right is None:
        there = "missing" if left is None else "there", "missing" if right is None else "there"
        return [_line(pair, key, "", *there)] if left != right else []
    names = [column.name for column in pair.left.columns]
    differing = [(name, one, other) for name, one, other in zip(names, left, right, strict=True) if one != other]
    return [_line(pair, key, name, *_compared(pair, name, one, other)) for name, one, other in differing]


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
        return one, f"{other} (differs in what is masked)"
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

"""Is an export of D1 whole? It is restored into SQLite, which D1 is, too, and compared table by table.

Cloudflare's own export has been seen to round integers above 2**53, and to turn a backslash and an n into a line break
where the same text holds a real one, each time with exit code 0: rows alone would not tell. So the bytes of what is
text or blob are counted, too, and what is whole is added up by its remainder, exactly.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tasks.excerpt import excerpt
from tasks.model import Json, Refused
from tasks.web.reading import number, text

Ask = Callable[[str], Sequence[Mapping[str, Json]]]

# Cloudflare's and SQLite's own tables are in no export.
TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' "
    "AND substr(name, 1, 4) <> '_cf_' ORDER BY name"
)
# A prime: what is rounded to the next even number leaves another remainder.
PRIME = 1_000_003
# Of PRAGMA those that exports hold, or that we ask.
HARMLESS = ("defer_foreign_keys", "foreign_keys", "table_info", "foreign_key_check", "encoding")
LONGEST_TABLE_NAME = 200
# What is restored here fits into memory; what takes longer never ends. Looked at every so many of SQLite's steps.
RESTORE_WITHIN_S, STEPS = 300.0, 1_000_000


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a table holds, in three numbers: its rows, the bytes of its texts and blobs, its integers' remainders."""

    rows: float
    bytes: float
    remainders: float


def contents(ask: Ask) -> dict[str, Contents]:
    """Each table's contents, by its name.

    Raises:
        CannotLook, Refused: the database does not tell.
    """
    found: dict[str, Contents] = {}
    for row in ask(TABLES):
        name = str(row.get("name"))
        columns = [str(column.get("name")) for column in ask(f"PRAGMA table_info({quoted(name)})")]
        (told,) = ask(_measured(name, columns))
        numbers = [number(told.get(what)) for what in ("n_rows", "n_bytes", "n_remainders")]
        if any(one is None for one in numbers):
            raise Refused(f"The table {excerpt(name, LONGEST_TABLE_NAME)} could not be measured.")
        rows, length, remainders = (one or 0.0 for one in numbers)
        found[name] = Contents(rows=rows, bytes=length, remainders=remainders)
    return found


def restored(sql: bytes, file: Path) -> dict[str, Contents]:
    """What the export holds once it is restored into a new file.

    Raises:
        Refused: it cannot be restored, or asks for more than to make tables and fill them.
    """
    with closing(sqlite3.connect(file, isolation_level=None)) as session:
        session.row_factory = sqlite3.Row
        session.set_authorizer(_allowed)
        until = time.monotonic() + RESTORE_WITHIN_S
        session.set_progress_handler(lambda: int(time.monotonic() > until), STEPS)
        try:
            session.executescript(sql.decode("utf-8"))
        except (sqlite3.Error, UnicodeDecodeError, ValueError) as error:
            raise Refused(f"The export cannot be restored: {excerpt(str(error), 200)}.") from None

        def ask(question: str) -> list[Mapping[str, Json]]:
            return [dict(row) for row in session.execute(question)]

        orphans = ask("PRAGMA foreign_key_check")
        if orphans:
            table = text(orphans[0].get("table"), LONGEST_TABLE_NAME)
            raise Refused(f"{len(orphans)} rows of the export have no parent, the first in {table}.")
        return contents(ask)


def differences(
    before: Mapping[str, Contents], copy: Mapping[str, Contents], after: Mapping[str, Contents]
) -> list[str]:
    """What the copy has otherwise than the database had right before and right after it was made, table by table.

    A table that was written to meanwhile may lie between the two: then only its rows are held against both.
    """
    wrong = [f"{name} is missing" for name in before if name not in copy and name in after]
    for name, there in copy.items():
        was, now = before.get(name), after.get(name)
        if was is None or now is None:
            continue
        still = was == now
        if still and there != was:
            wrong.append(f"{name} differs: {_differs(was, there)}")
        elif not still and not min(was.rows, now.rows) <= there.rows <= max(was.rows, now.rows):
            wrong.append(f"{name} has {there.rows:,.0f} rows, and had {was.rows:,.0f} and then {now.rows:,.0f}")
    return wrong


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def _measured(name: str, columns: Sequence[str]) -> str:
    """One row of three numbers, whatever the table's width: D1 answers with a hundred columns at most."""
    lengths = [
        f"CASE WHEN typeof({c}) IN ('text', 'blob') THEN length(CAST({c} AS BLOB)) ELSE 0 END" for c in _all(columns)
    ]
    wholes = [f"CASE typeof({c}) WHEN 'integer' THEN abs({c} % {PRIME}) ELSE 0 END" for c in _all(columns)]
    length, whole = (f"coalesce(sum({' + '.join(parts) or '0'}), 0)" for parts in (lengths, wholes))
    # Names can be no parameters in SQL; each is quoted.
    return f"SELECT count(*) AS n_rows, {length} AS n_bytes, {whole} AS n_remainders FROM {quoted(name)}"  # noqa: S608


def _all(columns: Sequence[str]) -> list[str]:
    return [quoted(column) for column in columns]


def _differs(was: Contents, there: Contents) -> str:
    if was.rows != there.rows:
        return f"{there.rows:,.0f} of {was.rows:,.0f} rows"
    if was.bytes != there.bytes:
        return f"{there.bytes:,.0f} bytes of text, and there were {was.bytes:,.0f}"
    return "its integers are others"


def _allowed(action: int, first: str | None, _second: str | None, _database: str | None, _trigger: str | None) -> int:
    """What the export may do in the file made for it: no other file is attached, and nothing of SQLite's is set."""
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and str(first).lower() not in HARMLESS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK

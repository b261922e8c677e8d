"""What a database holds at one moment: each table's rows counted and hashed, how far sequences are, whose all is."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tasks.backup.queries import LARGE_OBJECTS, LOCALE, OLD_LOCALE, OWNERS, ROWS, SEQUENCES, SERVER, TABLES
from tasks.how_far import Progress, watched
from tasks.model import Refused, Row
from tasks.postgres.session import Session

# Since these, a database's locale has a provider, and its name another column.
PROVIDER_SINCE, LOCALE_SINCE = 150000, 170000
# What is left of the differences in a record: the first tell enough.
SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class Content:
    """`tables` is by name: rows and the sum of their hashes; `sequences`: the last number and whether they rise."""

    tables: Mapping[str, Sequence[Any]]
    large_objects: Sequence[Any]
    sequences: Mapping[str, Sequence[Any]]
    owners: Mapping[str, str]

    @property
    def rows(self) -> int:
        return sum(int(rows) for rows, _ in self.tables.values())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class About:
    """The server and the database beside its rows. `locale` is how CREATE DATABASE makes one that is like it."""

    version: int
    says: str
    at: str
    bytes: int
    locale: str
    extensions: Sequence[Sequence[str]]
    roles: Sequence[str]


def about(session: Session) -> About:
    """What the session's database and server are.

    Raises:
        CannotLook, Refused: no answer.
    """
    row: Any = session.run(SERVER)[0]
    version = int(row["version"])
    column = "datlocale" if version >= LOCALE_SINCE else "daticulocale"
    query = LOCALE.replace("{locale}", column) if version >= PROVIDER_SINCE else OLD_LOCALE
    return About(
        version=version,
        says=str(row["says"]),
        at=str(row["at"]),
        bytes=int(row["bytes"]),
        locale=str(session.run(query)[0]["locale"]),
        extensions=row["extensions"],
        roles=row["roles"],
    )


def tables_of(session: Session) -> list[Row]:
    """The tables whose rows a dump holds.

    Raises:
        Refused: this role may not read one of them; CannotLook: no answer.
    """
    # Where policies would hide rows, an error is better than a backup that lacks them: pg_dump does the same.
    session.run("SET LOCAL row_security = off")
    session.run("SET LOCAL lc_monetary = 'C'")
    tables = session.run(TABLES)
    closed = [str(row["ident"]) for row in tables if not row["readable"]]
    if closed:
        raise Refused(
            f"The role that backs up may not read {', '.join(closed[:5])}{' and more' if closed[5:] else ''}.",
            remedy="GRANT pg_read_all_data TO its role (14 and later), or SELECT on each table and sequence.",
        )
    return tables


def content_of(session: Session) -> Content:
    """Everything a dump must hold, read to the last row, as of the session's moment.

    Raises:
        CannotLook, Refused: something cannot be read.
    """
    tables = tables_of(session)
    counted: dict[str, Sequence[Any]] = {}

    def where() -> Progress:
        return Progress(
            says=f"Counting and hashing: {len(counted)} of {len(tables)} tables.", share=len(counted) / len(tables)
        )

    with watched(where):
        for table in tables:
            ident, text = (str(table[key]).replace("%", "%%") for key in ("ident", "row_text"))
            counted[str(table["ident"])] = _counted(session, ROWS.replace("{row_text}", text).replace("{ident}", ident))
        objects = _counted(session, LARGE_OBJECTS)
    return Content(
        tables=counted,
        large_objects=objects,
        sequences={str(row["ident"]): [row["last"], row["rises"]] for row in session.run(SEQUENCES)},
        owners={str(row["object"]): str(row["owner"]) for row in session.run(OWNERS)},
    )


def _counted(session: Session, query: str) -> list[Any]:
    row = session.run(query)[0]
    return [row["rows"], row["hash"]]


def differences(backed_up: Content, restored: Content) -> list[Row]:
    """What was restored otherwise than it was when the backup was made; at most SHOWN, the last of them a count."""
    found: list[Row] = [
        *_unlike("rows and their hash", backed_up.tables, restored.tables),
        *_unlike("owner", backed_up.owners, restored.owners),
        *_unlike("sequence", *_behind(backed_up.sequences, restored.sequences)),
    ]
    if list(backed_up.large_objects) != list(restored.large_objects):
        found.append(_difference("large objects", "all", backed_up.large_objects, restored.large_objects))
    if len(found) > SHOWN:
        found[SHOWN - 1 :] = [{"what": "and more", "of": f"{len(found) - SHOWN + 1}", "backed_up": "", "restored": ""}]
    return found


def _unlike(what: str, then: Mapping[str, object], now: Mapping[str, object]) -> list[Row]:
    names = sorted(then.keys() | now.keys())
    return [_difference(what, name, then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)]


def _behind(then: Mapping[str, Sequence[Any]], now: Mapping[str, Sequence[Any]]) -> tuple[dict[str, Any], ...]:
    """The sequences that do not reach as far as they were: they are no part of a snapshot, and may be further."""
    behind = functools.partial(_reaches_less, now=now)
    names = [name for name in then if behind(name, then[name])]
    return {name: then[name][0] for name in names}, {name: now[name][0] for name in names if name in now}


def _reaches_less(name: str, then: Sequence[Any], *, now: Mapping[str, Sequence[Any]]) -> bool:
    last, rises = then
    if name not in now:
        return True
    reached = now[name][0]
    if last is None:
        return False
    return reached is None or (int(reached) < int(last) if rises else int(reached) > int(last))


def _difference(what: str, of: str, then: object, now: object) -> Row:
    return {"what": what, "of": of, "backed_up": _text(then), "restored": _text(now)}


def _text(value: object) -> str:
    return "missing" if value is None else value if isinstance(value, str) else json.dumps(value)

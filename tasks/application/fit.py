"""Does the mapping fit the database: are the tables and columns there, may we read them, and has time an index?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tasks.application.part import Part
from tasks.model import Finding, Row, Verdict
from tasks.postgres.refusals import quoted
from tasks.postgres.values import number
from tasks.toml import closest, nearest

# Below this reading all rows is as quick as an index.
LARGE_ROWS = 10_000


class Relations:
    """The tables and views of some schemas, as the catalog has them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {(str(row["schema"]), str(row["name"])): row for row in rows}

    def of(self, part: Part) -> Row | None:
        return self._rows.get((part.schema_name, part.table))

    def tables(self, schema: str) -> list[str]:
        return [name for within, name in self._rows if within == schema]


def examined(part: Part) -> Iterator[str]:
    """The fields of `part` that name a column, of those that are mapped."""
    for field, about in type(part).model_fields.items():
        # Each column is described; table and schema, and names that are values, are not.
        if about.description and isinstance(getattr(part, field), str):
            yield field


def amiss(there: Relations, asked: Mapping[str, tuple[Part, frozenset[str]]]) -> Iterator[Finding]:
    """What of these parts, of each these fields, is not there or may not be read: with the line to write."""
    for name, (part, fields) in asked.items():
        if row := there.of(part):
            yield from _columns_amiss(name, part, [one for one in examined(part) if one in fields], row)
            continue
        known = there.tables(part.schema_name)
        elsewhere = f'schema = "…" if it lies elsewhere than in {part.schema_name}'
        yield _wrong(
            f"There is no table {_title(part)}, which {name} should be.{nearest(part.table, known)}",
            f'table = "{closest(part.table, known) or "…"}"  # under {name}; {elsewhere}',
        )


def _columns_amiss(name: str, part: Part, fields: Sequence[str], row: Row) -> Iterator[Finding]:
    columns, readable = _names(row["columns"]), _names(row["readable"])
    for field in fields:
        wanted = str(getattr(part, field))
        if wanted not in columns:
            yield _wrong(
                f"{_title(part)} has no column {wanted}, which {name}.{field} should be.{nearest(wanted, columns)}",
                f'{field} = "{closest(wanted, columns) or "…"}"  # under {name}; it has: {", ".join(columns)}',
            )
        elif wanted not in readable or not row["schema_readable"]:
            schema = "" if row["schema_readable"] else f"GRANT USAGE ON SCHEMA {quoted(part.schema_name)} TO …;\n"
            yield _wrong(
                f"The role of url may not read {_title(part)}, which is {name}.",
                f"{schema}GRANT SELECT ON {_ident(part)} TO …;  -- the role of url",
            )
            return


def slow(there: Relations, parts: Mapping[str, Part]) -> Iterator[Finding]:
    """Of each part that is all there: that it is, or which of its times has no index, which is advice."""
    for name, part in parts.items():
        row = there.of(part)
        mapped = list(examined(part))
        if row is None or not {str(getattr(part, field)) for field in mapped} <= set(_names(row["readable"])):
            continue
        bare = list(dict.fromkeys(_bare(part, [field for field in part.filtered_by if field in mapped], row)))
        large = row["indexable"] and number(row["rows"]) >= LARGE_ROWS
        if not bare or not large:
            yield Finding(verdict=Verdict.OK, says=f"{_title(part)} is there as {name}: {len(mapped)} columns.")
            continue
        yield Finding(
            verdict=Verdict.WARN,
            says=f"{_title(part)} has no index that begins with {', or with '.join(bare)}: questions about a "
            f"day's {name} read all of its {number(row['rows']):,.0f} rows.",
            remedy="\n".join(
                f"CREATE INDEX CONCURRENTLY ON {_ident(part)} ({quoted(one)});" for one in dict.fromkeys(bare)
            ),
        )


def _bare(part: Part, fields: Sequence[str], row: Row) -> Iterator[str]:
    whole, partly = _names(row["led"]), _names(row["led_partly"])
    for field in fields:
        column = str(getattr(part, field))
        if column not in whole and (field not in part.of_one_status or column not in partly):
            yield column


def _wrong(says: str, remedy: str) -> Finding:
    return Finding(verdict=Verdict.BAD, says=says, remedy=remedy)


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list | tuple) else []


def _title(part: Part) -> str:
    return f"{part.schema_name}.{part.table}"


def _ident(part: Part) -> str:
    return f"{quoted(part.schema_name)}.{quoted(part.table)}"

"""A rule's old rows: how the server calls what the rule names, and the conditions that find them.

Every statement is made of names that the server quoted and of parameters. Each has both conditions in its WHERE, age
and key: there is no way to make one that has not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from tasks import deadline
from tasks.model import Refused, Row
from tasks.postgres.queries import FOLLOWERS
from tasks.postgres.session import Session
from tasks.retention.queries import TABLE
from tasks.retention.system import Mode, Retention, Rule

DATES = ("date", "timestamp without time zone", "timestamp with time zone")


@dataclass(frozen=True, kw_only=True)
class Old:
    """One rule's rows on this server. `before` is the moment they must be older than, as ISO 8601."""

    rule: Rule
    found: Mapping[str, Any]
    before: str
    condition: str

    @property
    def ident(self) -> str:
        return str(self.found["ident"])

    @property
    def oid(self) -> int:
        return int(self.found["oid"])

    @property
    def archive(self) -> str:
        return str(self.found["archive"])

    @property
    def key(self) -> list[Mapping[str, Any]]:
        known = {column["name"]: column for column in self.found["columns"]}
        return [known[name] for name in self.found["key"]]

    @property
    def columns(self) -> list[Mapping[str, Any]]:
        return list(self.found["columns"])

    @property
    def parameters(self) -> dict[str, object]:
        """What the rule's values are called in `condition`."""
        given: dict[str, object] = {"before": self.before}
        for n, values in enumerate(self.rule.where.values()):
            given[f"where_{n}"] = list(values)
        for n, values in enumerate(self.rule.keep.values()):
            given[f"keep_{n}"] = [value.lower() for value in values]
        return given

    def says(self) -> str:
        """The condition as a person would type it; nothing of ours runs it."""
        parts = [f"{_plain(self.rule.age_column)} < '{self.before}'"]
        parts += [f"{_plain(column)} IN ({_listed(values)})" for column, values in self.rule.where.items()]
        parts += [f"lower({_plain(column)}) NOT IN ({_listed(values)})" for column, values in self.rule.keep.items()]
        parts += ["nothing points at it"] if self.rule.only_unreferenced else []
        return " AND ".join(parts)

    def filled(self, query: str) -> str:
        """`query` with this table's names in the place of its braces."""
        key, columns = [str(column["ident"]) for column in self.key], [str(c["ident"]) for c in self.columns]
        own = [str(column["ident"]) for column in self.columns if not column["generated"]]
        age = self.column(self.rule.age_column)["ident"]
        names = {
            "ident": self.ident,
            "archive": self.archive,
            "age": f"p.{age}",
            "key_list": ", ".join(f"p.{name}" for name in key),
            "key_texts": f"ARRAY[{', '.join(f'p.{name}::text' for name in key)}]",
            "bare_keys": ", ".join(key),
            "columns": ", ".join(f"p.{name}" for name in columns),
            "bare_columns": ", ".join(columns),
            "own_columns": ", ".join(own),
        }
        for name, value in names.items():
            query = query.replace(f"{{{name}}}", value.replace("%", "%%"))
        # Their % are parameters, and their names are doubled already.
        for end in ("from", "to"):
            casts = ", ".join(f"%({end}_{n})s::{column['type']}" for n, column in enumerate(self.key))
            query = query.replace(f"{{{end}_keys}}", casts)
        return query.replace("{old}", self.condition)

    def column(self, name: str) -> Mapping[str, Any]:
        return next(column for column in self.columns if column["name"] == name)


def between(first: Sequence[str], last: Sequence[str]) -> dict[str, object]:
    """The parameters of a batch: its first and its last key."""
    return {
        **{f"from_{n}": value for n, value in enumerate(first)},
        **{f"to_{n}": value for n, value in enumerate(last)},
    }


def begin(session: Session) -> None:
    """Where policies would hide rows, an error is better than a count that lacks them."""
    session.run("SET LOCAL row_security = off")


def old_rows(session: Session, retention: Retention, rule: Rule, *, writes: bool, before: str = "") -> Old:
    """What the rule means on this server. `before`: the moment of a plan that was made earlier.

    Raises:
        Refused: there is no such table or column, it has no key, or this role may not do it; CannotLook: no answer.
    """
    schema, table = rule.place
    rows = session.run(TABLE, schema=schema, table=table, archive=retention.archive_schema)
    where = f"{rule.table} on {retention.database.address}"
    if not rows or not rows[0]["holds_rows"]:
        raise Refused(f"There is no table {where}.", remedy="Correct the rule, or migrate first.")
    found: Any = rows[0]
    _refuse_unfit(found, rule, where, writes)
    made = Old(rule=rule, found=found, before=before or _cutoff(rule), condition="")
    condition = " AND ".join([*_conditions(made), *(_unreferenced(session, made) if rule.only_unreferenced else [])])
    return Old(rule=rule, found=found, before=made.before, condition=condition)


def _cutoff(rule: Rule) -> str:
    """A midnight: what is old stays the same for a day, and with it what was approved."""
    today = datetime.combine(deadline.now().astimezone(UTC).date(), time(), UTC)
    return (today - timedelta(days=rule.older_than_days)).isoformat()


def _refuse_unfit(found: Mapping[str, Any], rule: Rule, where: str, writes: bool) -> None:
    types = {column["name"]: str(column["type"]) for column in found["columns"]}
    missing = [name for name in (rule.age_column, *rule.where, *rule.keep) if name not in types]
    if missing:
        raise Refused(f"{where} has no column {missing[0]!r}.", remedy=f"It has: {', '.join(types)}. Correct the rule.")
    if types[rule.age_column].split("(")[0].strip() not in {*DATES, "timestamp"}:
        raise Refused(f"{rule.age_column} of {where} is {types[rule.age_column]}, and tells no age.")
    if not found["key"]:
        raise Refused(
            f"{where} has no primary key: its rows could not be taken in batches.",
            remedy=f"ALTER TABLE {found['ident']} ADD PRIMARY KEY (…);",
        )
    if found["filtered"]:
        raise Refused(f"Row security of {where} hides rows from {found['user']}.", remedy="Give it BYPASSRLS.")
    if not found["readable"] or (writes and not found["deletable"]):
        verbs = "SELECT, DELETE" if writes else "SELECT"
        raise Refused(
            f"{found['user']} may not {'delete rows of' if writes else 'read'} {where}.",
            remedy=f"GRANT {verbs} ON {found['ident']} TO {found['user']};",
        )
    if writes and rule.mode is Mode.ARCHIVE:
        _refuse_no_archive(found, where)


def _refuse_no_archive(found: Mapping[str, Any], where: str) -> None:
    schema = str(found["archive"]).partition(".")[0]
    if not found["may_archive"]:
        raise Refused(
            f"Old rows of {where} go to {found['archive']}, and {found['user']} may make no table there.",
            remedy=f"CREATE SCHEMA IF NOT EXISTS {schema}; GRANT CREATE, USAGE ON SCHEMA {schema} TO {found['user']};",
        )
    ours = sorted((column["name"], column["type"]) for column in found["columns"])
    theirs = sorted((name, kind) for name, kind in found["archive_columns"] or [])
    if found["archive_oid"] is not None and ours != theirs:
        differ = ", ".join(f"{name} {kind}" for name, kind in sorted(set(ours) ^ set(theirs)))
        raise Refused(
            f"{found['archive']} has other columns than {where}: {differ}.",
            remedy=f"Bring it to the same shape: ALTER TABLE {found['archive']} …;",
        )


def _conditions(old: Old) -> list[str]:
    rule = old.rule
    age = old.column(rule.age_column)
    made = [f"p.{_doubled(age)} < %(before)s::timestamptz::{age['type']}"]
    made += [f"p.{_doubled(old.column(name))}::text = ANY (%(where_{n})s)" for n, name in enumerate(rule.where)]
    # NULL is no answer, and the row stays.
    made += [f"lower(p.{_doubled(old.column(name))}::text) <> ALL (%(keep_{n})s)" for n, name in enumerate(rule.keep)]
    return made


def _unreferenced(session: Session, old: Old) -> list[str]:
    keys: list[Row] = session.run(FOLLOWERS, table=old.oid)
    made = []
    for key in keys:
        child, same = (str(key[name]).replace("%", "%%") for name in ("child_rows", "same"))
        if not key["readable"]:
            raise Refused(f"Whether rows of {key['child']} point at old ones is hidden.", remedy=str(key["grant_read"]))
        made.append(f"NOT EXISTS (SELECT FROM {child} c WHERE {same})")
    return made


def _doubled(column: Mapping[str, Any]) -> str:
    return str(column["ident"]).replace("%", "%%")


def _plain(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if not name.isidentifier() or name != name.lower() else name


def _listed(values: Sequence[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)

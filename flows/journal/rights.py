"""What the running role may do with the journal's tables, by the database's own account."""

from __future__ import annotations

from dataclasses import dataclass

from flows.journal.connection import Connection

# What the running role adds to and reads.
TABLES = (
    "alerts",
    "deliveries",
    "dispatched",
    "entries",
    "heads",
    "hours",
    "measurements",
    "openings",
    "refusals",
    "seals",
    "snoozes",
)
NEEDED = ("INSERT", "SELECT")

# A superuser and an owner pass every one of these questions, whatever was granted. A right on one column is enough to
# change a record, so columns are asked about where they can have rights of their own.
_RIGHTS = """
    SELECT current_user, t.relname, p.privilege,
           CASE WHEN p.by_column THEN has_any_column_privilege(t.oid, p.privilege)
                ELSE has_table_privilege(t.oid, p.privilege) END
      FROM pg_class AS t
     CROSS JOIN (VALUES ('SELECT', false), ('INSERT', false), ('UPDATE', true), ('DELETE', false), ('TRUNCATE', false),
                        ('TRIGGER', false)) AS p (privilege, by_column)
     WHERE t.relnamespace = 'incident'::regnamespace AND t.relname = ANY (%s)
     ORDER BY t.relname, p.privilege
"""


@dataclass(frozen=True, kw_only=True)
class Rights:
    """The running role, what it may do beyond adding and reading, and what of that it may not."""

    role: str
    beyond: tuple[str, ...]
    missing: tuple[str, ...]


def rights(session: Connection) -> Rights:
    rows = session.execute(_RIGHTS, [list(TABLES)]).fetchall()
    may = {f"{privilege} {table}": (str(privilege), bool(has)) for _, table, privilege, has in rows}
    return Rights(
        role=str(rows[0][0]),
        beyond=tuple(what for what, (privilege, has) in may.items() if has and privilege not in NEEDED),
        missing=tuple(what for what, (privilege, has) in may.items() if not has and privilege in NEEDED),
    )

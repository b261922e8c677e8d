"""Names without a schema, found as the role itself would find them: our own statements look none up so."""

from __future__ import annotations

from tasks.model import Refused
from tasks.postgres.queries import HOME, OWN_NAME
from tasks.postgres.session import Session


def found(session: Session, name: str) -> str | None:
    """The relation that `name` means to this role, as 'schema.name', quoted, to be put into SQL. None: there is none.

    Raises:
        CannotLook, Refused: no answer, or `name` is no name as SQL writes it.
    """
    rows = session.run(OWN_NAME, name=name, own=session.own_schemas())
    return str(rows[0]["ident"]).replace("%", "%%") if rows else None


def at_home(session: Session, name: str) -> str:
    """Where a new table `name` of this role goes, as 'schema.name', to be put into SQL.

    Raises:
        Refused: it may make none in any schema where it looks for tables; CannotLook: no answer.
    """
    rows = session.run(HOME, own=session.own_schemas())
    if not rows:
        raise Refused(
            "The drill's role may make a table in no schema of its search_path.",
            remedy="GRANT CREATE ON SCHEMA public TO the role of drill_url;",
        )
    return f"{str(rows[0]['schema']).replace('%', '%%')}.{name}"

"""Rows as they were before a drill touched them, or let an action touch them: so that it leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.application.faults import JOB
from tasks.application.queries import HELD_BY, RESTORE
from tasks.application.system import ApplicationDatabase
from tasks.model import Row
from tasks.postgres.session import Session


@dataclass
class AsItWas:
    """What rows of several parts held, by our names for their columns; each with its `id`."""

    application: ApplicationDatabase
    parts: dict[str, list[Row]] = field(default_factory=dict)

    def keep(self, part: str, rows: Sequence[Row]) -> None:
        """These, of the fields that they have."""
        self.parts.setdefault(part, []).extend(rows)

    def look(self, session: Session, part: str, fields: Sequence[str], by: str, keys: Sequence[str]) -> None:
        """What the rows of `part` hold whose column `by` is one of `keys`; nothing where it is not mapped."""
        names = [name for name in ("id", *fields) if self.application.knows(f"{{{part}.{name}}}")]
        query = HELD_BY.replace("{held}", ", ".join(f"t.{{{part}.{name}}}::text AS {name}" for name in names))
        query = query.replace("{by}", by).replace("{part}", part)
        if "id" in names and self.application.knows(query):
            self.keep(part, session.run(self.application.filled(query), keys=list(keys)))

    def restore(self) -> None:
        """Whatever became of them meanwhile.

        Raises:
            CannotLook, Refused: the server would not.
        """
        with self.application.server.drill_session(JOB) as session:
            for part, rows in self.parts.items():
                fields = [name for name in (rows[0] if rows else ()) if name != "id"]
                if not fields:
                    continue
                sets = ", ".join(f"{{{part}.{name}}} = w.{{{part}.{name}}}" for name in fields)
                query = RESTORE.replace("{set}", sets).replace("{part}", part)
                named = [
                    {self.application.column(f"{part}.{name}")[2]: value for name, value in row.items()} for row in rows
                ]
                session.run(self.application.filled(query), rows=json.dumps(named))

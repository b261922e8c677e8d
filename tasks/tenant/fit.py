"""Would the target take an export's rows? They are copied into tables of our own that are like its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.model import Refused
from tasks.postgres.rehearsal import Twin, clashes, twin_of, unseen
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.tenant import bundle
from tasks.tenant.exported import copy_into
from tasks.tenant.tables import Table


def refuse_unfit(
    target: PostgresServer, tables: Sequence[Table], files: Mapping[str, bundle.File], place: Path
) -> list[str]:
    """What could not be seen, each with the line to type.

    Raises:
        Refused: a row would not be taken (a value, NOT NULL, CHECK, a key that is taken, a missing row it points at).
        CannotLook: no answer.
    """
    with target.rehearsal() as work:
        work.run("SET LOCAL row_security = off")
        twins = {table.ident: _filled(work, table, files[table.ident], place) for table in tables}
        also = {ident: [twin] for ident, twin in twins.items()}
        blind = []
        for table in tables:
            twin = twins[table.ident]
            for clash in clashes(work, twin, table.key_sql, replaces=False, also=also):
                raise Refused(
                    f"{target.address} would not take the row {', '.join(map(str, clash.key))} of {table.ident}: "
                    f"{clash.why}.",
                    remedy="Look whether it is the right database; mend that row there, or what it needs.",
                )
            blind += unseen(work, twin)
    return [
        f"Whether {rule['parent']} has the rows pointed at ({rule['name']}) cannot be seen: {rule['grant_read']}"
        for rule in blind
    ]


def _filled(work: Session, table: Table, file: bundle.File, place: Path) -> Twin:
    twin = twin_of(work, table.ident, [column.name for column in table.columns])
    try:
        work.copy_in(copy_into(twin.ident.replace("%%", "%"), table, file), bundle.pieces(place, file))
    except Refused as error:
        raise Refused(
            f"{table.ident}: {error.says} Nothing was imported.",
            remedy="Bring both databases to the same migration, or mend the row where it was exported.",
        ) from None
    return twin

"""Take an import back: delete the imported rows, exactly those, and only as they were imported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk
from tasks.postgres.along import Fate, Start, amounts, fires, follow, triggers
from tasks.postgres.session import Session
from tasks.postgres.words import count
from tasks.tenant import bundle
from tasks.tenant.exported import approved, copy_into, matched, same
from tasks.tenant.system import TenantData
from tasks.tenant.tables import Table, left_out, nothing_to_do, rows_of, set_tenant, tables_of


class DeleteImported(Action):
    """Delete the imported rows.

    One transaction. A row is deleted only if it is, column for column, what was imported; if one was changed, is gone,
    or has come since, or another table's row hangs on one, nothing is deleted.
    """

    undo = NoWayBack(loses="Nothing that the export does not hold: as long as it is kept, it can be imported again.")

    def __init__(self, place: Path, manifest: str) -> None:
        """`manifest` is the SHA-256 of the manifest in the folder `place`."""
        self.place = place
        self.manifest = manifest

    def plan(self, tenant: TenantData) -> Plan:
        manifest = same(self.place, self.manifest)
        tables = tables_of(tenant.target, tenant.tables, writes=True)
        with tenant.target.snapshot() as moment:
            set_tenant(moment, tables, manifest.tenant)
            there = {table.ident: rows_of(moment, table) for table in tables}
            if not any(there.values()):
                return nothing_to_do(f"Nothing to delete: {tenant.target.address} has no row of {manifest.tenant!r}.")
            _refuse_following(moment, tables)
            told = fires([(one, there[t.ident]) for t in tables for one in triggers(moment, t.ident, "delete")])
        files = matched(manifest, tables)
        rows = f"the {count(manifest.rows, 'row')} of the tenant {manifest.tenant!r}"
        does = f"Delete {rows} that were imported into {tenant.target.address}, in one transaction."
        return Plan(
            does=f"{does} {told}".strip(),
            commands=tuple(
                _command(table, files[table.ident], self.place, self.manifest) for table in reversed(tables)
            ),
            blast_radius=BlastRadius(touched=manifest.rows, total=sum(there.values()), noun="rows of the tenant"),
            risk=Risk.HIGH,
            loses=self.undo.loses,
            evidence=[{"table": ident, "rows": rows} for ident, rows in there.items()],
        )

    def apply(self, tenant: TenantData, plan: Plan) -> Outcome:
        place, manifest = approved(plan)
        tables = tables_of(tenant.target, tenant.tables, writes=True)
        files = matched(manifest, tables)
        with tenant.target.transaction() as work:
            set_tenant(work, tables, manifest.tenant)
            for n, table in enumerate(tables):
                _refuse_more(table, files[table.ident], rows_of(work, table))
                _lay_out(work, n, table, place, files[table.ident])
            _refuse_hanging(tenant, work, tables)
            for n, table in reversed(list(enumerate(tables))):
                _delete(work, n, table, files[table.ident])
        return Outcome(
            says=f"{count(manifest.rows, 'row')} deleted from {tenant.target.address}.",
            complete=self.applied(tenant, plan) is True,
            rows=[{"table": table.ident, "rows": files[table.ident].rows} for table in reversed(tables)],
        )

    def applied(self, tenant: TenantData, plan: Plan) -> bool | None:
        _, manifest = approved(plan)
        tables = tables_of(tenant.target, tenant.tables, writes=True)
        with tenant.target.snapshot() as moment:
            set_tenant(moment, tables, manifest.tenant)
            return not any(rows_of(moment, table) for table in tables)


def _command(table: Table, file: bundle.File, place: Path, manifest: str) -> Command:
    key = ", ".join(file.key)
    return Command(
        line=f"DELETE FROM {table.ident};  -- the {file.rows} rows of {file.file}, by {key}, if unchanged",  # noqa: S608
        target={"table": table.ident, "folder": str(place), "manifest": manifest, "rows": file.rows},
    )


def _refuse_more(table: Table, file: bundle.File, found: int) -> None:
    if found != file.rows:
        raise Refused(
            f"{table.ident}: {file.rows} rows were imported, {found} are the tenant's by now. Nothing was deleted.",
            remedy="Somebody works with the tenant there. Delete by hand what shall go.",
        )


def _refuse_following(moment: Session, tables: tuple[Table, ...]) -> None:
    """Before anybody is asked: rows of other tables that would go, change, or forbid it."""
    starts: list[Start[str]] = []
    for table in tables:
        query = f"SELECT tableoid::bigint AS at, ctid::text AS place FROM {table.ident} WHERE {table.belongs}"  # noqa: S608
        found = moment.run(query.replace("%", "%%"))
        starts += [Start(who=table.ident, table=int(str(row["at"])), place=str(row["place"])) for row in found]
    followed = follow(moment, starts)
    beyond = sum((*followed.along.values(), *followed.held.values()), Counter[tuple[str, Fate]]())
    if beyond:
        told = amounts(beyond)
        raise Refused(
            f"It cannot be taken back as it came, because of rows that hang on the imported ones: {told}.",
            remedy="Decide about those rows first.",
        )


def _lay_out(work: Session, n: int, table: Table, place: Path, file: bundle.File) -> None:
    """The imported rows again, in a table of this transaction's own."""
    empty = f"SELECT {table.listed} FROM {table.ident} WITH NO DATA"  # noqa: S608 - quoted by the server
    work.run(f"CREATE TEMP TABLE imported_{n} ON COMMIT DROP AS {empty}".replace("%", "%%"))
    work.copy_in(copy_into(f"imported_{n}", table, file), bundle.pieces(place, file))


def _refuse_hanging(tenant: TenantData, work: Session, tables: tuple[Table, ...]) -> None:
    """Rows of other tables that the database would delete or alter along with ours, without a word."""
    places = {table.ident: n for n, table in enumerate(tables)}
    for key in left_out(tenant.target, tables):
        pairs = zip(key["child_columns"], key["equals"], key["parent_columns"], strict=True)  # type: ignore[arg-type]
        same = " AND ".join(f"i.{parent} {equals} c.{child}" for child, equals, parent in pairs)
        hanging = f"SELECT FROM {key['child']} c JOIN imported_{places[str(key['parent'])]} i ON {same}"
        if key["follows"] and work.run(f"SELECT EXISTS ({hanging}) AS some".replace("%", "%%"))[0]["some"]:
            raise Refused(
                f"Rows of {key['child']} hang on imported ones and would go or change with them ({key['name']}). "
                "Nothing was deleted.",
                remedy=f"Decide about those rows of {key['child']} first.",
            )


def _delete(work: Session, n: int, table: Table, file: bundle.File) -> None:
    key = [column for column in table.columns if column.name in file.key]
    same = " AND ".join(f"t.{column.ident} {column.equals} i.{column.ident}" for column in key)
    # As text, because json has no equality.
    ours, theirs = (f"ROW({', '.join(f'{alias}.{c.ident}' for c in table.columns)})::text" for alias in "ti")
    unchanged = f"FROM {table.ident} t JOIN imported_{n} i ON {same} WHERE {ours} = {theirs}"
    found = work.run(f"SELECT count(*) AS rows {unchanged}".replace("%", "%%"))[0]["rows"]
    if found != file.rows:
        raise Refused(
            f"{table.ident}: of {file.rows} imported rows {found} are as they were imported. Nothing was deleted.",
            remedy="Somebody changed the others since. Delete by hand what shall go.",
        )
    work.run(f"DELETE FROM {table.ident} t USING imported_{n} i WHERE {same} AND {ours} = {theirs}".replace("%", "%%"))  # noqa: S608

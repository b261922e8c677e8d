"""Bring an exported tenant into another database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tasks.action import Action
from tasks.model import BlastRadius, Command, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.along import Trigger, along_rows, besides, fires, triggers, written_since
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import count
from tasks.tenant import bundle
from tasks.tenant.exported import approved, copy_into, matched, named_by, whole
from tasks.tenant.fit import refuse_unfit
from tasks.tenant.queries import SEQUENCES
from tasks.tenant.removal import DeleteImported
from tasks.tenant.system import TenantData
from tasks.tenant.tables import Table, nothing_to_do, objects_in, rows_of, set_tenant, tables_of


class ImportTenant(Action):
    """Import the exported rows into the target database.

    One transaction: all rows or none, each table's count compared with the manifest's. Nothing is merged: where the
    target has rows of the tenant, or a key is taken, the import is refused. Other tenants' rows are not touched;
    triggers of the target fire as for any other row.
    """

    def plan(self, tenant: TenantData, tenant_id: str) -> Plan:
        place = tenant.folder / bundle.name_for(tenant_id)
        manifest = whole(place, tenant_id)
        tables = tables_of(tenant.target, tenant.tables, writes=True)
        files = matched(manifest, tables)
        with tenant.target.snapshot() as moment:
            set_tenant(moment, tables, tenant_id)
            there = {table.ident: rows_of(moment, table) for table in tables}
        if there == {table.ident: files[table.ident].rows for table in tables}:
            return nothing_to_do(
                f"Nothing to import: {tenant.target.address} has {manifest.rows} rows of {tenant_id!r}."
            )
        _refuse_taken(tenant, tenant_id, there)
        _refuse_fixed_counters(tenant.target, tables)
        blind = refuse_unfit(tenant.target, tables, files, place)
        fire = {table.ident: _fires(tenant.target, table) for table in tables}
        told = fires([(one, files[ident].rows) for ident, found in fire.items() for one in found])
        rows = f"{count(manifest.rows, 'row')} of the tenant {tenant_id!r}"
        does = f"Copy {rows} from {place} into {tenant.target.address}, in one transaction."
        objects = [f"{name} holds numbers of large objects, which no export has." for name in objects_in(tables)]
        return Plan(
            does=" ".join([does, *([told] if told else []), *objects, *blind]),
            commands=tuple(_command(table, files[table.ident], manifest, place, fire[table.ident]) for table in tables),
            blast_radius=BlastRadius(touched=len(tables), total=len(tables), noun="tables"),
            risk=Risk.MODERATE,
            loses="Nothing. Rows are added; the counters behind the tables' ids are moved past the imported ones.",
            evidence=[{"table": table.ident, "rows": files[table.ident].rows} for table in tables],
        )

    def apply(self, tenant: TenantData, plan: Plan) -> Outcome:
        place, manifest = approved(plan)
        tables = tables_of(tenant.target, tenant.tables, writes=True)
        files = matched(manifest, tables)
        with tenant.target.transaction() as work:
            set_tenant(work, tables, manifest.tenant)
            work.run("SET CONSTRAINTS ALL DEFERRED")
            _refuse_taken(tenant, manifest.tenant, {table.ident: rows_of(work, table) for table in tables})
            before = written_since(work)
            for table in tables:
                file = files[table.ident]
                copied = work.copy_in(copy_into(table.ident, table, file), bundle.pieces(place, file))
                _refuse_unequal(table, file, copied, rows_of(work, table))
            for table in tables:
                _move_counters(work, table)
            ours = Counter({(table.ident, "inserted"): files[table.ident].rows for table in tables})
            beyond = written_since(work, before) - ours
        rows: list[Row] = [{"table": table.ident, "rows": files[table.ident].rows} for table in tables]
        return Outcome(
            says=f"{count(manifest.rows, 'row')} imported into {tenant.target.address}; each table's count agrees with "
            f"the manifest's.{besides(beyond)}",
            complete=self.applied(tenant, plan) is True,
            rows=[*rows, *along_rows(beyond)],
        )

    def applied(self, tenant: TenantData, plan: Plan) -> bool | None:
        _, manifest = approved(plan)
        tables = tables_of(tenant.target, tenant.tables, writes=True)
        files = matched(manifest, tables)
        with tenant.target.snapshot() as moment:
            set_tenant(moment, tables, manifest.tenant)
            there = [rows_of(moment, table) for table in tables]
        if there == [files[table.ident].rows for table in tables]:
            return True
        return None if any(there) else False

    def undo(self, plan: Plan, _: Outcome) -> Action:
        """Delete exactly the imported rows, if nobody changed them since."""
        return DeleteImported(*named_by(plan))


def _fires(target: PostgresServer, table: Table) -> list[Trigger]:
    """What fires for each row; COPY knows no rules."""
    with target.snapshot() as moment:
        return [one for one in triggers(moment, table.ident, "insert") if not one.is_rule]


def _command(
    table: Table, file: bundle.File, manifest: bundle.Manifest, place: Path, fire: Sequence[Trigger]
) -> Command:
    copy = copy_into(table.ident, table, file)
    return Command(
        line=f"{copy} < {place / file.file}  -- {file.rows} rows, SHA-256 {file.sha256[:12]}…",
        target={
            "table": table.ident,
            "folder": str(place),
            "manifest": manifest.sha256,
            "rows": file.rows,
            **({"fires": [one.name for one in fire]} if fire else {}),
        },
    )


def _refuse_taken(tenant: TenantData, tenant_id: str, there: dict[str, int]) -> None:
    taken = ", ".join(f"{rows} in {ident}" for ident, rows in there.items() if rows)
    if taken:
        raise Refused(
            f"{tenant.target.address} has rows of the tenant {tenant_id!r} already ({taken}); nothing is merged.",
            remedy="Look whether it is the right database; delete those rows there first if it is.",
        )


def _refuse_unequal(table: Table, file: bundle.File, copied: int, found: int) -> None:
    if not copied == found == file.rows:
        raise Refused(
            f"{table.ident}: the manifest counts {file.rows} rows, {copied} were copied and {found} are the tenant's "
            "in the target. Nothing was imported.",
            remedy="A trigger or rule of the target keeps or changes rows, or the file holds other tenants' rows.",
        )


def _refuse_fixed_counters(target: PostgresServer, tables: Sequence[Table]) -> None:
    """Before the copying, and not at its end."""
    counters = [row for table in tables for row in target.rows(SEQUENCES, ident=table.ident)]
    fixed = [row for row in counters if not row["movable"]]
    if fixed:
        raise Refused(
            f"{target.place.user} may not move {fixed[0]['sequence']} on {target.address} past the imported rows.",
            remedy="\n".join(str(row["grant_move"]) for row in fixed),
        )


def _move_counters(work: Session, table: Table) -> None:
    """Past what was imported, and never back."""
    for row in work.run(SEQUENCES, ident=table.ident):
        ident, column = (str(name).replace("%", "%%") for name in (table.ident, row["column"]))
        moved = f"SELECT max({column}) AS highest FROM {ident}"  # noqa: S608 - quoted by the server
        work.run(
            f"SELECT setval(%(sequence)s::regclass, highest) FROM ({moved}) m "  # noqa: S608
            "WHERE highest > coalesce(pg_sequence_last_value(%(sequence)s::regclass), 0)",
            sequence=str(row["sequence"]),
        )

"""Take a tenant's rows out of a database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.words import count
from tasks.tenant import bundle
from tasks.tenant.system import TenantData
from tasks.tenant.tables import Table, left_behind, literal, nothing_to_do, rows_of, set_tenant, tables_of


class ExportTenant(Action):
    """Export the tenant's rows.

    Reads only: one CSV file a table, all as of the same moment, counted and hashed in a manifest, readable for their
    owner alone. pg_dump is not used, because it cannot choose rows: it would hand over every tenant's.
    """

    def plan(self, tenant: TenantData, tenant_id: str) -> Plan:
        place = tenant.folder / bundle.name_for(tenant_id)
        if place.exists():
            return nothing_to_do(
                f"Nothing to export: {place} is there already. Move it away to export {tenant_id!r} again."
            )
        tables = tables_of(tenant.source, tenant.tables)
        with tenant.source.snapshot() as moment:
            set_tenant(moment, tables, tenant_id)
            rows: list[Row] = [{"table": table.ident, "rows": rows_of(moment, table)} for table in tables]
            behind = left_behind(moment, tables)
        total = sum(int(str(row["rows"])) for row in rows)
        if not total:
            return nothing_to_do(
                f"Nothing to export: {tenant.source.address} holds no row of the tenant {tenant_id!r}."
            )
        does = f"Copy {count(total, 'row')} of the tenant {tenant_id!r} from {tenant.source.address} to {place}."
        return Plan(
            does=" ".join([does, *behind]),
            commands=tuple(_command(table, tenant_id, place) for table in tables),
            blast_radius=BlastRadius(touched=len(tables), total=len(tables), noun="tables, read only"),
            risk=Risk.LOW,
            loses="Nothing in the database. The files hold personal data: whoever can read them has it.",
            evidence=rows,
        )

    def apply(self, tenant: TenantData, plan: Plan) -> Outcome:
        tenant_id, place = _target(tenant, plan)
        tables = tables_of(tenant.source, tenant.tables)
        _refuse_other_tables(plan, tables)
        with bundle.writing(place) as writer, tenant.source.snapshot() as moment:
            set_tenant(moment, tables, tenant_id)
            behind = left_behind(moment, tables)
            at = str(moment.run("SELECT now() AS at")[0]["at"])
            for table in tables:
                counted = rows_of(moment, table)
                copy = partial(moment.copy_out, table.copy_out)
                _refuse_unequal(table, counted, writer.write(table.ident, table.shape(), table.key, copy).rows)
            writer.close(tenant=tenant_id, source=tenant.source.address, exported_at=at)
        manifest = bundle.manifest_at(place)
        says = (
            f"{count(manifest.rows, 'row')} of {count(len(tables), 'table')} exported to {place}; each table's "
            f"count agrees with the database's at the same moment. The manifest's SHA-256 is {manifest.sha256}."
        )
        return Outcome(
            says=" ".join([says, *behind]),
            complete=True,
            rows=_files(manifest),
        )

    def applied(self, tenant: TenantData, plan: Plan) -> bool | None:
        """A folder of that name is whole: it got its name last."""
        return _target(tenant, plan)[1].exists()

    def undo(self, plan: Plan, outcome: Outcome) -> Action:
        """Delete the exported files."""
        return DeleteExport(Path(str(plan.commands[0].target["folder"])), outcome.rows)


class DeleteExport(Action):
    """Delete the exported files.

    The files of the export's manifest, the manifest and their folder; nothing else that somebody put there.
    """

    undo = NoWayBack(loses="The export. The rows are still in the database; a later export shows a later moment.")

    def __init__(self, place: Path, made: Sequence[Row] = ()) -> None:
        """`made` are the rows of the export's outcome; without them it is known by its folder alone."""
        self.place = place
        self.made = list(made)

    def plan(self) -> Plan:
        if not self.place.exists():
            return nothing_to_do(f"Nothing to delete: there is no {self.place}.")
        manifest = bundle.manifest_at(self.place)
        if self.made and _files(manifest) != self.made:
            return nothing_to_do(f"Nothing to delete: what lies at {self.place} is another export, made since.")
        names = [*(file.file for file in manifest.files), bundle.MANIFEST]
        there = [name for name in names if (self.place / name).exists()]
        return Plan(
            does=f"Delete the export of {manifest.tenant!r} at {self.place}: {count(len(there), 'file')}.",
            commands=tuple(
                Command(line=f"rm {self.place / name}", target={"folder": str(self.place), "file": name})
                for name in there
            ),
            blast_radius=BlastRadius(touched=len(there), total=len(list(self.place.iterdir())), noun="files"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            language="sh",
        )

    def apply(self, plan: Plan) -> Outcome:
        for command in plan.commands:
            (self.place / str(command.target["file"])).unlink(missing_ok=True)
        left = sorted(path.name for path in self.place.iterdir()) if self.place.exists() else []
        if not left and self.place.exists():
            self.place.rmdir()
        kept = f" Kept, because it is not ours: {', '.join(left)}." if left else ""
        return Outcome(says=f"{count(len(plan.commands), 'file')} deleted.{kept}", complete=True)

    def applied(self, plan: Plan) -> bool | None:
        return not any((self.place / str(command.target["file"])).exists() for command in plan.commands)


def _command(table: Table, tenant_id: str, place: Path) -> Command:
    return Command(
        line=f"SET incident.tenant = {literal(tenant_id)}; {table.copy_out};",
        target={"table": table.ident, "tenant": tenant_id, "folder": str(place)},
    )


def _files(manifest: bundle.Manifest) -> list[Row]:
    return [{"table": f.table, "rows": f.rows, "bytes": f.bytes, "sha256": f.sha256} for f in manifest.files]


def _target(tenant: TenantData, plan: Plan) -> tuple[str, Path]:
    """The tenant and the folder that were approved.

    Raises:
        Refused: the configured folder is another one by now.
    """
    target = plan.commands[0].target
    place = Path(str(target["folder"]))
    if place.parent != tenant.folder:
        raise Refused(f"{tenant.folder} is not the folder that was approved.", remedy="Plan the export again.")
    return str(target["tenant"]), place


def _refuse_other_tables(plan: Plan, tables: tuple[Table, ...]) -> None:
    if [command.target["table"] for command in plan.commands] != [table.ident for table in tables]:
        raise Refused("The tables are not those that were approved.", remedy="Plan the export again.")


def _refuse_unequal(table: Table, counted: int, copied: int) -> None:
    """Raises: Refused, if rows were lost between the database and the file."""
    if counted != copied:
        raise Refused(f"{table.ident} has {counted} rows of the tenant, and {copied} arrived. Nothing was kept.")

"""What we ask before a tenant is exported or imported, and afterwards."""

from __future__ import annotations

from datetime import timedelta

from tasks.check import check
from tasks.model import Finding, Row, Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import count
from tasks.tenant import bundle
from tasks.tenant.exported import matched, whole
from tasks.tenant.fit import refuse_unfit
from tasks.tenant.system import TenantData
from tasks.tenant.tables import left_out, rows_of, set_tenant, tables_of

# Reading a large export's files to hash them takes as long as the disk does.
FILES_TAKE = timedelta(minutes=10)


@check
def check_tenant_tables(tenant: TenantData) -> Finding:
    """Are all tables there that hold a tenant's rows, and is none of them left out?

    Left out, as far as foreign keys tell: a table whose rows point at a tenant's rows and which is not in `tables`.
    """
    tables = tables_of(tenant.source, tenant.tables)
    missing = left_out(tenant.source, tables)

    names = ", ".join(sorted({str(row["child"]) for row in missing}))
    return Finding(
        verdict=Verdict.WARN if missing else Verdict.OK,
        says=f"{count(len(tables), 'table')} of a tenant on {tenant.source.address}; "
        + (f"rows of {names} point at them, and stay behind." if missing else "none is left out."),
        facts={"tables": [table.ident for table in tables]},
        rows=[{"table": row["child"], "points_at": row["parent"], "by": row["name"]} for row in missing],
        remedy="Add them to `tables` of the tenant system, if their rows are the tenant's." if missing else "",
    )


@check(limit=FILES_TAKE)
def check_tenant_exported(tenant: TenantData, tenant_id: str = "") -> Finding:
    """Is the tenant's export whole: every file there, and what the manifest says it is?"""
    place = tenant.folder / bundle.name_for(tenant_id)
    manifest = bundle.manifest_at(place)
    wrong = bundle.altered(place, manifest)

    size = sum(file.bytes for file in manifest.files)
    good = f"{count(manifest.rows, 'row')} of {tenant_id!r} in {count(len(manifest.files), 'file')} at {place}"
    return Finding(
        verdict=Verdict.BAD if wrong else Verdict.OK,
        says=f"{place} is not what was exported: {'; '.join(wrong)}." if wrong else f"{good}, each as it was written.",
        value=manifest.rows,
        unit="rows",
        facts={"bytes": size, "manifest": manifest.sha256, "exported_at": manifest.exported_at},
        rows=_files(manifest),
    )


@check(limit=FILES_TAKE)
def check_tenant_export_fits(tenant: TenantData, tenant_id: str = "") -> Finding:
    """Can the export be imported: whole, the same columns there, every row taken, and none of the tenant there yet?

    Its rows are copied into tables of our own that are like the target's, and dropped: no trigger fires.
    """
    place = tenant.folder / bundle.name_for(tenant_id)
    manifest = whole(place, tenant_id)
    tables = tables_of(tenant.target, tenant.tables, writes=True)
    files = matched(manifest, tables)
    there = _counts(tenant.target, tenant, tenant_id)

    taken = {ident: rows for ident, rows in there.items() if rows}
    # What is there already would be found as keys that are taken; as rows of the tenant it says more.
    blind = [] if taken else refuse_unfit(tenant.target, tables, files, place)
    target = tenant.target.address
    return Finding(
        verdict=Verdict.BAD if taken else Verdict.OK,
        says=f"{target} has rows of {tenant_id!r} already: {', '.join(taken)}."
        if taken
        else f"{count(manifest.rows, 'row')} of {tenant_id!r} fit into {count(len(tables), 'table')} of {target}. "
        f"{' '.join(blind)}".strip(),
        value=sum(taken.values()),
        unit="rows",
        rows=_files(manifest),
    )


@check(limit=FILES_TAKE)
def check_tenant_imported(tenant: TenantData, tenant_id: str = "") -> Finding:
    """Does the target hold as many of the tenant's rows as the export, table by table?"""
    manifest = bundle.manifest_at(tenant.folder / bundle.name_for(tenant_id))
    there = _counts(tenant.target, tenant, tenant_id)

    rows: list[Row] = [
        {"table": file.table, "exported": file.rows, "there": there.get(file.table, 0)} for file in manifest.files
    ]
    wrong = [row for row in rows if row["exported"] != row["there"]]
    target = tenant.target.address
    says = ", ".join(f"{row['table']} has {row['there']} of {row['exported']}" for row in wrong)
    return Finding(
        verdict=Verdict.BAD if wrong else Verdict.OK,
        says=f"Not all rows of {tenant_id!r} are in {target}: {says}."
        if wrong
        else f"All {manifest.rows:,} rows of {tenant_id!r} are in {target}, table by table.",
        value=sum(there.values()),
        unit="rows",
        rows=rows,
    )


def _counts(server: PostgresServer, tenant: TenantData, tenant_id: str) -> dict[str, int]:
    tables = tables_of(server, tenant.tables)
    with server.snapshot() as moment:
        set_tenant(moment, tables, tenant_id)
        return {table.ident: rows_of(moment, table) for table in tables}


def _files(manifest: bundle.Manifest) -> list[Row]:
    return [{"table": f.table, "rows": f.rows, "bytes": f.bytes, "sha256": f.sha256} for f in manifest.files]

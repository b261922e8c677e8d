"""An export, held against what was approved and against the database it is to go into."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.model import Plan, Refused
from tasks.tenant import bundle
from tasks.tenant.tables import Table


def whole(place: Path, tenant_id: str) -> bundle.Manifest:
    """The manifest at `place`, whose files are what it says.

    Raises:
        Refused: there is none, it is another tenant's, or a file was altered.
    """
    manifest = bundle.manifest_at(place)
    if manifest.tenant != tenant_id:
        raise Refused(f"{place} holds the tenant {manifest.tenant!r}, not {tenant_id!r}.")
    if wrong := bundle.altered(place, manifest):
        raise Refused(f"{place} is not what was exported. {'; '.join(wrong)}.", remedy="Export the tenant again.")
    return manifest


def matched(manifest: bundle.Manifest, tables: Sequence[Table]) -> dict[str, bundle.File]:
    """The file for each table.

    Raises:
        Refused: the export has other tables or columns than the database.
    """
    files = {file.table: file for file in manifest.files}
    idents = {table.ident for table in tables}
    if files.keys() != idents:
        raise Refused(f"Exported and configured tables differ: {', '.join(sorted(files.keys() ^ idents))}.")
    for table in tables:
        ours = {(str(c["name"]), str(c["type"])) for c in table.shape()}
        theirs = {(str(c["name"]), str(c["type"])) for c in files[table.ident].columns}
        if ours != theirs:
            differ = ", ".join(f"{name} {kind}" for name, kind in sorted(ours ^ theirs))
            raise Refused(
                f"{table.ident} has other columns here than where it was exported: {differ}.",
                remedy="Bring both databases to the same migration.",
            )
    return files


def approved(plan: Plan) -> tuple[Path, bundle.Manifest]:
    """The export that was approved.

    Raises:
        Refused: another one stands in its place by now.
    """
    place, sha256 = named_by(plan)
    return place, same(place, sha256)


def named_by(plan: Plan) -> tuple[Path, str]:
    """The folder of the approved export, and its manifest's SHA-256."""
    target = plan.commands[0].target
    return Path(str(target["folder"])), str(target["manifest"])


def same(place: Path, sha256: str) -> bundle.Manifest:
    """The manifest at `place`.

    Raises:
        Refused: it is another one than that with this SHA-256.
    """
    manifest = bundle.manifest_at(place)
    if manifest.sha256 != sha256:
        raise Refused(f"{place} is another export than the approved one.", remedy="Plan it again.")
    return manifest


def copy_into(ident: str, table: Table, file: bundle.File) -> str:
    """The statement that takes the file's rows into `ident`, whose columns are those of `table`; every % is meant."""
    # The names as this server quotes them: what the manifest says is data, and never becomes SQL.
    quoted = {column.name: column.ident for column in table.columns}
    columns = ", ".join(quoted[str(column["name"])] for column in file.columns)
    return f"COPY {ident} ({columns}) FROM STDIN (FORMAT csv, HEADER)"

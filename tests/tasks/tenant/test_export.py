"""A tenant's rows are taken out: all of them, nobody else's, readable for nobody else."""

from __future__ import annotations

import csv
import hashlib
import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.case.bodies import outcome_body, outcome_from
from tasks.model import BlastRadius, Refused, canonical
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.tenant import bundle
from tasks.tenant.export import DeleteExport, ExportTenant
from tasks.tenant.imports import ImportTenant
from tasks.tenant.system import TenantTable
from tests.tasks.tenant.conftest import HOSTILE, Move


def exported(move: Move, tenant: str = "acme") -> Path:
    door = move.door()
    action = ExportTenant()
    assert action.apply(door, action.plan(door, tenant)).complete
    return move.folder / bundle.name_for(tenant)


def told(place: Path) -> dict[str, int]:
    return {file["table"]: file["rows"] for file in json.loads((place / "manifest.json").read_text())["files"]}


def lines(place: Path, part: str) -> list[list[str]]:
    (path,) = [path for path in place.iterdir() if part in path.name]
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text))[1:]


@pytest.mark.parametrize("tenant", ["' OR true --", "acme' --", "ac%", "../../etc/passwd", "ACME", "acme "])
def test_it_takes_a_hostile_tenant_for_a_value(move18: Move, tenant: str) -> None:
    plan = ExportTenant().plan(move18.door(), tenant)

    assert plan.commands == ()
    assert "holds no row of the tenant" in plan.does
    assert not move18.folder.exists()


@pytest.mark.parametrize("tenant", ["", "acme\n", "ac\x00me", "\ud800"])
def test_it_refuses_what_is_no_name(move18: Move, tenant: str) -> None:
    with pytest.raises(Refused, match="is no tenant"):
        ExportTenant().plan(move18.door(), tenant)


def test_it_exports_a_tenant_with_a_hostile_name(move: Move) -> None:
    place = exported(move, HOSTILE)

    assert place.parent == move.folder
    assert "".join(sign for sign in place.name if not sign.isalnum()).strip("-") == ""
    assert told(place) == {"public.organizations": 1, "public.leads": 7, 'public."We ""ird.%s"': 4}
    assert lines(place, "organizations") == [[HOSTILE, ""]]
    assert move.source.admin("SELECT count(*) FROM organizations") == [(3,)]


def test_it_takes_all_rows_of_one_tenant_and_none_of_another(move: Move) -> None:
    place = exported(move)

    emails = {line[3] for line in lines(place, "leads")}
    assert emails == {f"lead{n}" for n in range(1, 8)}
    assert {line[1] for line in lines(place, "leads")} == {"acme"}
    ids = {line[0] for line in lines(place, "leads")}
    assert {line[0] for line in lines(place, "ird")} <= ids
    assert told(place) == {"public.organizations": 1, "public.leads": 7, 'public."We ""ird.%s"': 4}


def test_it_is_for_its_owners_eyes(move18: Move) -> None:
    place = exported(move18)

    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    assert [path.name for path in move18.folder.iterdir()] == [place.name]


def test_it_counts_and_hashes_what_it_wrote(move18: Move) -> None:
    place = exported(move18)

    manifest = bundle.manifest_at(place)
    for file in manifest.files:
        data = (place / file.file).read_bytes()
        assert (file.bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert len(lines(place, file.file)) == file.rows
    assert bundle.altered(place, manifest) == []


def test_it_says_what_it_will_do_and_how_much(move18: Move) -> None:
    door = move18.door()
    plan = ExportTenant().plan(door, "acme")

    place = move18.folder / bundle.name_for("acme")
    assert plan.does == f"Copy 12 rows of the tenant 'acme' from {door.source.address} to {place}."
    assert plan.blast_radius == BlastRadius(touched=3, total=3, noun="tables, read only")
    assert plan.commands[0].line == (
        "SET incident.tenant = 'acme'; COPY (SELECT id, name FROM public.organizations "
        "WHERE id = current_setting('incident.tenant')::text) TO STDOUT (FORMAT csv, HEADER);"
    )
    move18.source.admin("INSERT INTO leads (organization_id) VALUES ('acme')")
    assert ExportTenant().plan(door, "acme").effect == plan.effect


def test_it_shows_one_moment(move18: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lead and its choice that arrive between the files of leads and choices: neither, or both."""
    copy_out = Session.copy_out

    def late(self: Session, query: str, take: object) -> int:
        rows = copy_out(self, query, take)  # type: ignore[arg-type]
        if "FROM public.leads WHERE" in query:
            move18.source.admin(
                "WITH l AS (INSERT INTO leads (organization_id) VALUES ('acme') RETURNING id) "
                'INSERT INTO "We ""ird.%s" SELECT id FROM l'
            )
        return rows

    monkeypatch.setattr(Session, "copy_out", late)
    assert told(exported(move18)) == {"public.organizations": 1, "public.leads": 7, 'public."We ""ird.%s"': 4}


def test_it_keeps_nothing_of_an_export_that_breaks_off(move18: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_out = Session.copy_out

    def breaks(self: Session, query: str, take: object) -> int:
        if "ird" in query:
            raise Refused("The cable was pulled.")
        return copy_out(self, query, take)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "copy_out", breaks)
    action, door = ExportTenant(), move18.door()
    plan = action.plan(door, "acme")
    with pytest.raises(Refused, match="cable"):
        action.apply(door, plan)

    assert list(move18.folder.iterdir()) == []
    assert action.applied(door, plan) is False


def test_it_refuses_rows_that_were_lost_on_the_way(move18: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_out = Session.copy_out
    monkeypatch.setattr(Session, "copy_out", lambda self, query, take: copy_out(self, query, take) - 1)
    action, door = ExportTenant(), move18.door()

    with pytest.raises(Refused, match=r"has 1 rows of the tenant, and 0 arrived\. Nothing was kept\."):
        action.apply(door, action.plan(door, "acme"))
    assert list(move18.folder.iterdir()) == []


def test_it_does_not_export_twice_into_one_place(move18: Move) -> None:
    place = exported(move18)
    plan = ExportTenant().plan(move18.door(), "acme")
    assert plan.commands == ()
    assert plan.does.startswith(f"Nothing to export: {place} is there already.")


def test_it_refuses_rows_that_policies_hide(move18: Move) -> None:
    move18.source.admin(
        "ALTER TABLE leads ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON leads TO app USING (email <> 'lead3')"
    )
    with pytest.raises(Refused, match=r"Row security of leads on .* would hide rows from app"):
        ExportTenant().plan(move18.door(), "acme")


@pytest.mark.parametrize(
    ("type_", "tenant", "read_as"),
    [("varchar(4)", "acme-2", None), ("name", "a" * 70, "a" * 63), ("integer", " 7", "7"), ("numeric", "7.", "7")],
)
def test_it_does_not_find_another_tenant_by_a_shortened_name(
    move18: Move, type_: str, tenant: str, read_as: str | None
) -> None:
    """Cast to the column's own type, 'acme-2' would be 'acme', and ' 7' would be 7."""
    kept = "acme" if read_as is None else read_as
    move18.source.admin(f"CREATE TABLE odd (id int PRIMARY KEY, t {type_}); GRANT ALL ON odd TO app")
    move18.source.admin(f"INSERT INTO odd VALUES (1, '{kept}')")  # noqa: S608
    door = move18.door(tables=(TenantTable(table="odd", column="t"),))

    if read_as is None:
        assert "holds no row" in ExportTenant().plan(door, tenant).does
        return
    with pytest.raises(Refused, match=f"it would be read as '{read_as}'"):
        ExportTenant().plan(door, tenant)


@contextmanager
def refused(says: str) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert says in f"{caught.value.says} {caught.value.remedy}"


def test_it_refuses_what_it_cannot_export_as_it_should(move18: Move) -> None:
    move18.source.admin(
        "CREATE TABLE keyless (o text); CREATE VIEW looks AS TABLE leads; CREATE TABLE shut (id int PRIMARY KEY);"
        "GRANT SELECT ON keyless, looks TO app"
    )

    def tables(table: str, column: str = "o") -> ExportTenant:
        ExportTenant().plan(move18.door(tables=(TenantTable(table=table, column=column),)), "acme")
        return ExportTenant()

    with refused("There is no table nowhere"):
        tables("nowhere")
    with refused("has no primary key"):
        tables("keyless")
    with refused("is a view or a foreign table"):
        tables("looks")
    with refused("GRANT SELECT ON public.shut TO app;"):
        tables("shut", "id")
    with refused("has no column tenant"):
        tables("leads", "tenant")


def test_it_refuses_tables_that_go_round_in_a_circle(move18: Move) -> None:
    circle = "ALTER TABLE organizations ADD owner bigint REFERENCES leads"
    move18.source.admin(circle)
    with refused("point at each other in a circle"):
        ExportTenant().plan(move18.door(), "acme")

    move18.source.admin("ALTER TABLE organizations ALTER CONSTRAINT organizations_owner_fkey DEFERRABLE")
    assert ExportTenant().plan(move18.door(), "acme").commands


def test_it_reads_tables_whose_parents_stand_before_them(move18: Move) -> None:
    with pytest.raises(ValidationError, match="belongs to leads, which does not stand before it"):
        move18.door(tables=(TenantTable(table="p", column="lead_id", of="leads"),))
    with refused("is named twice"):
        ExportTenant().plan(
            move18.door(
                tables=(
                    TenantTable(table="leads", column="organization_id"),
                    TenantTable(table="public.leads", column="organization_id"),
                )
            ),
            "acme",
        )


def test_it_deletes_its_files_and_nobody_elses(move18: Move) -> None:
    door, action = move18.door(), ExportTenant()
    plan = action.plan(door, "acme")
    made = action.apply(door, plan)
    place = move18.folder / bundle.name_for("acme")
    (place / "notes.txt").write_text("mine")

    # As the journal gives it back.
    undo = action.undo(plan, outcome_from(json.loads(canonical(outcome_body(made)))))
    assert isinstance(undo, DeleteExport)
    taken = undo.plan()
    outcome = undo.apply(taken)

    assert taken.blast_radius == BlastRadius(touched=4, total=5, noun="files")
    assert outcome.says == "4 files deleted. Kept, because it is not ours: notes.txt."
    assert undo.applied(taken) is True
    assert [path.name for path in place.iterdir()] == ["notes.txt"]


def test_it_leaves_an_export_that_was_made_since(move18: Move) -> None:
    door, action = move18.door(), ExportTenant()
    plan = action.plan(door, "acme")
    undo = action.undo(plan, action.apply(door, plan))
    place = move18.folder / bundle.name_for("acme")
    place.rename(move18.folder / "the first one")
    move18.source.admin("DELETE FROM remarks; UPDATE leads SET score = 7 WHERE email = 'lead6'")
    action.apply(door, plan)

    assert undo.plan().commands == ()
    assert undo.plan().does == f"Nothing to delete: what lies at {place} is another export, made since."


def test_it_does_not_follow_a_manifest_out_of_its_folder(move18: Move) -> None:
    place = exported(move18)
    body = json.loads((place / "manifest.json").read_text())
    body["files"][0]["file"] = "../../precious.csv"
    (place / "manifest.json").write_text(json.dumps(body))

    with refused("is no manifest of ours"):
        DeleteExport(place).plan()


def test_it_never_shows_the_password(move18: Move) -> None:
    door = move18.door()
    assert "correct-horse" not in f"{door!r} {ExportTenant().plan(door, 'acme')}"
    assert isinstance(door.source, PostgresServer)


def test_it_tells_of_large_objects_that_stay_behind(move: Move) -> None:
    for stage in (move.source, move.target):
        stage.admin("ALTER TABLE leads ADD photo oid, ADD size oid")
    move.source.admin("UPDATE leads SET size = 9, photo = lo_from_bytea(0, 'png') WHERE email IN ('lead1', 'lead2')")
    door = move.door()
    plan = ExportTenant().plan(door, "acme")
    told = (
        "2 large objects of public.leads.photo stay behind: the files hold their numbers only. To take them out: "
        "SELECT photo, lo_get(photo) FROM public.leads WHERE …;"
    )
    assert plan.does.endswith(told)
    assert ExportTenant().apply(door, plan).says.endswith(told)
    move.source.admin(
        "SELECT photo, lo_get(photo) FROM public.leads WHERE organization_id = 'acme' AND photo IS NOT NULL"
    )
    assert (
        "public.leads.photo holds numbers of large objects, which no export has."
        in ImportTenant().plan(door, "acme").does
    )

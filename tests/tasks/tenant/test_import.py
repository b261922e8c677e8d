"""An exported tenant arrives whole or not at all, and is taken back only as it arrived."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tasks.model import Refused, Risk
from tasks.tenant import bundle
from tasks.tenant.checks import check_tenant_export_fits as fits
from tasks.tenant.export import ExportTenant
from tasks.tenant.imports import ImportTenant
from tasks.tenant.removal import DeleteImported
from tasks.tenant.system import TenantData
from tests.tasks.tenant.conftest import HOSTILE, ODD, Move

TABLES = ("organizations", "leads", ODD)


def exported(move: Move, tenant: str = "acme") -> Path:
    door, action = move.door(), ExportTenant()
    action.apply(door, action.plan(door, tenant))
    return move.folder / bundle.name_for(tenant)


def imported(move: Move, tenant: str = "acme") -> tuple[TenantData, ImportTenant, DeleteImported]:
    door, action = move.door(), ImportTenant()
    plan = action.plan(door, tenant)
    assert action.applied(door, plan) is False
    outcome = action.apply(door, plan)
    assert outcome.complete
    assert action.applied(door, plan) is True
    undo = action.undo(plan, outcome)
    assert isinstance(undo, DeleteImported)
    return door, action, undo


def there(move: Move) -> list[int]:
    return [len(move.rows(move.target, table)) for table in TABLES]


def altered(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"lead3", b"evil3"))


@pytest.mark.parametrize("tenant", ["acme", HOSTILE])
def test_it_brings_every_value_over_as_it_was(move: Move, tenant: str) -> None:
    exported(move, tenant)
    move.target.admin("INSERT INTO organizations VALUES ('zeta', 'Zeta')")
    imported(move, tenant)

    for table in TABLES:
        ours = [row for row in move.rows(move.target, table) if "zeta" not in row]
        theirs = move.rows(move.source, table)
        assert ours
        assert all(row in theirs for row in ours)
    assert there(move) == [2, 7, 4]


def test_it_moves_the_counters_past_what_it_brought(move: Move) -> None:
    exported(move)
    move.target.admin("ALTER TABLE leads ALTER COLUMN id RESTART WITH 3")
    imported(move)

    highest = max(int(str(row[0])) for row in move.rows(move.target, "leads"))
    (new,) = move.target.admin("INSERT INTO leads (organization_id) VALUES ('acme') RETURNING id")
    assert new == (highest + 1,)


def test_it_never_moves_a_counter_back(move18: Move) -> None:
    exported(move18)
    move18.target.admin("SELECT setval('leads_id_seq', 5000)")
    imported(move18)

    assert move18.target.admin("SELECT last_value FROM leads_id_seq") == [(5000,)]


def test_it_refuses_a_file_that_was_altered(move18: Move) -> None:
    place = exported(move18)
    altered(next(place.glob("*leads*")))

    with pytest.raises(Refused, match="its SHA-256 differs from the manifest's"):
        ImportTenant().plan(move18.door(), "acme")


def test_it_brings_nothing_when_a_file_is_altered_after_the_approval(move18: Move) -> None:
    place = exported(move18)
    door, action = move18.door(), ImportTenant()
    plan = action.plan(door, "acme")
    altered(next(place.glob("*leads*")))

    with pytest.raises(Refused, match="is not what was exported"):
        action.apply(door, plan)
    assert there(move18) == [0, 0, 0]


def test_it_brings_nothing_of_another_export_than_the_approved(move18: Move) -> None:
    place = exported(move18)
    door, action = move18.door(), ImportTenant()
    plan = action.plan(door, "acme")
    body = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps({**body, "exported_at": "later"}))

    with pytest.raises(Refused, match="another export than the approved one"):
        action.apply(door, plan)


def test_it_refuses_rows_of_another_tenant_in_the_file(move18: Move) -> None:
    """Somebody who can write the folder can write a manifest that fits, too."""
    place = exported(move18)
    move18.target.admin("INSERT INTO organizations VALUES ('beta', 'Beta')")
    path = next(place.glob("*leads*"))
    lines = path.read_bytes().replace(b",acme,", b",beta,", 1)
    path.write_bytes(lines)
    body = json.loads((place / "manifest.json").read_text())
    body["files"][1]["sha256"] = hashlib.sha256(lines).hexdigest()
    (place / "manifest.json").write_text(json.dumps(body))
    door, action = move18.door(), ImportTenant()

    with pytest.raises(Refused, match="7 were copied and 6 are the tenant's in the target"):
        action.apply(door, action.plan(door, "acme"))
    assert there(move18) == [1, 0, 0]


def test_it_merges_nothing(move18: Move) -> None:
    exported(move18)
    move18.target.admin("INSERT INTO organizations VALUES ('acme', 'Another Acme')")

    with pytest.raises(Refused, match=r"has rows of the tenant 'acme' already \(1 in public.organizations\)"):
        ImportTenant().plan(move18.door(), "acme")


def test_it_brings_nothing_when_a_key_is_taken_meanwhile(move: Move) -> None:
    exported(move)
    move.target.admin("INSERT INTO organizations VALUES ('zeta', 'Zeta')")
    door, action = move.door(), ImportTenant()
    plan = action.plan(door, "acme")
    move.target.admin("INSERT INTO leads (id, organization_id) OVERRIDING SYSTEM VALUE VALUES (3, 'zeta')")

    with pytest.raises(Refused, match="duplicate key value violates unique constraint"):
        action.apply(door, plan)
    assert there(move) == [1, 1, 0]


UNFIT = {
    "a key that is taken": (
        "INSERT INTO organizations VALUES ('zeta'); INSERT INTO leads (id, organization_id) OVERRIDING SYSTEM VALUE "
        "VALUES (3, 'zeta')",
        "would not take the row 3 of public.leads: the row 3 has the same by leads_pkey",
    ),
    "an enum's label": (
        "DROP TYPE mood; CREATE TYPE mood AS ENUM ('glad'); ALTER TABLE leads ADD mood mood",
        'does not take this: invalid input value for enum public.mood: "sad" (SQLSTATE 22P02)',
    ),
    "a check": (
        "ALTER TABLE leads ADD mood mood; ALTER TABLE leads ADD CONSTRAINT few CHECK (score < 0.3)",
        'does not take this: new row for relation "leads" violates check constraint "few"',
    ),
    "a row it points at": (
        "ALTER TABLE leads ADD mood mood; CREATE TABLE scores (n float8 PRIMARY KEY); "
        "GRANT SELECT ON scores TO app; ALTER TABLE leads ADD FOREIGN KEY (score) REFERENCES scores",
        "public.scores has no row that it points at by leads_score_fkey",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_it_finds_before_anybody_is_asked_what_would_not_be_taken(move: Move, what: str) -> None:
    there_, why = UNFIT[what]
    for stage in (move.source, move.target):
        stage.admin("CREATE TYPE mood AS ENUM ('glad', 'sad')")
    move.source.admin("ALTER TABLE leads ADD mood mood; UPDATE leads SET mood = 'sad' WHERE email = 'lead3'")
    exported(move)
    move.target.admin(there_ if "mood" in there_ else f"ALTER TABLE leads ADD mood mood; {there_}")
    before = there(move)
    for ask in (lambda: ImportTenant().plan(move.door(), "acme"), lambda: fits.fn(move.door(), tenant_id="acme")):
        with pytest.raises(Refused) as refused:
            ask()
        assert why in refused.value.says
    assert there(move) == before


def test_it_tells_what_it_cannot_see(move18: Move) -> None:
    exported(move18)
    move18.target.admin(
        "CREATE TABLE scores (n float8 PRIMARY KEY); INSERT INTO scores SELECT 0.1 * n FROM generate_series(0, 9) n"
    )
    move18.target.admin("ALTER TABLE leads ADD FOREIGN KEY (score) REFERENCES scores")
    assert (
        ImportTenant()
        .plan(move18.door(), "acme")
        .does.endswith(
            "Whether public.scores has the rows pointed at (leads_score_fkey) cannot be seen: "
            "GRANT USAGE ON SCHEMA public TO app; GRANT SELECT ON public.scores TO app;"
        )
    )


def test_it_names_the_line_for_row_security(move18: Move) -> None:
    exported(move18)
    for stage, action in ((move18.source, ExportTenant()), (move18.target, ImportTenant())):
        stage.admin("ALTER TABLE leads ENABLE ROW LEVEL SECURITY")
        with pytest.raises(Refused, match=r"Row security of leads on .* would hide rows from app") as no:
            action.plan(
                move18.door(folder=move18.folder / "x") if action.name == "ExportTenant" else move18.door(), "acme"
            )
        assert no.value.remedy == "ALTER ROLE app BYPASSRLS;"
        stage.admin(no.value.remedy)
        try:
            assert ImportTenant().plan(move18.door(), "acme").commands
        finally:
            stage.admin("ALTER ROLE app NOBYPASSRLS; ALTER TABLE leads DISABLE ROW LEVEL SECURITY")


def test_it_refuses_a_database_at_another_migration(move18: Move) -> None:
    exported(move18)
    move18.target.admin("ALTER TABLE leads ALTER score TYPE real")

    with pytest.raises(Refused, match="score double precision, score real"):
        ImportTenant().plan(move18.door(), "acme")


def test_it_refuses_before_it_copies_where_a_counter_may_not_move(move18: Move) -> None:
    exported(move18)
    move18.target.admin("REVOKE ALL ON SEQUENCE leads_id_seq FROM app")

    with pytest.raises(Refused, match=r"may not move public\.leads_id_seq") as caught:
        ImportTenant().plan(move18.door(), "acme")
    assert caught.value.remedy == "GRANT SELECT, UPDATE ON SEQUENCE public.leads_id_seq TO app;"


MAIL = (
    "CREATE TABLE outbox (n bigint); GRANT ALL ON outbox TO app;"
    "CREATE FUNCTION mail() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN INSERT INTO public.outbox VALUES (coalesce(NEW.id, OLD.id)); RETURN coalesce(NEW, OLD); END';"
    "CREATE TRIGGER mail AFTER INSERT OR DELETE ON leads FOR EACH ROW EXECUTE FUNCTION mail()"
)


def test_it_tells_of_triggers_that_will_fire_and_counts_what_they_wrote(move18: Move) -> None:
    exported(move18)
    door, action = move18.door(), ImportTenant()
    without = action.plan(door, "acme")
    move18.target.admin(MAIL)
    plan = action.plan(door, "acme")
    assert plan.does.endswith(
        "Triggers fire, and what they do is not known here: mail on public.leads (it runs public.mail() after each row "
        "is inserted: 7 times)."
    )
    assert plan.exceeds(without)
    assert move18.target.admin("SELECT count(*) FROM outbox") == [(0,)]
    outcome = action.apply(door, plan)
    assert outcome.says.endswith(" Besides, as the server counts: 7 rows of public.outbox inserted.")
    assert "after each row is deleted: 7 times" in action.undo(plan, outcome).plan(door).does


def test_it_tells_before_it_takes_back_what_would_go_along(move18: Move) -> None:
    exported(move18)
    door, _, undo = imported(move18)
    move18.target.admin("INSERT INTO remarks (lead_id) SELECT id FROM leads")
    with pytest.raises(Refused, match=r"hang on the imported ones: 7 rows of public\.remarks are deleted"):
        undo.plan(door)
    move18.target.admin("DELETE FROM remarks; CREATE TABLE bills (who text REFERENCES organizations)")
    move18.target.admin("INSERT INTO bills VALUES ('acme'); GRANT SELECT ON bills TO app")
    with pytest.raises(Refused, match=r"1 row of public.bills \(bills_who_fkey\) is in the way"):
        undo.plan(door)


def test_it_needs_nothing_done_twice(move18: Move) -> None:
    exported(move18)
    door, action, _ = imported(move18)

    assert action.plan(door, "acme").commands == ()


def test_it_says_where_it_would_import_to_when_nothing_says_so(move18: Move) -> None:
    exported(move18)
    with pytest.raises(Refused, match="No database is configured") as caught:
        ImportTenant().plan(move18.door(target_url=None), "acme")
    assert caught.value.remedy.startswith("target_url = ")


def test_it_takes_back_exactly_what_it_brought(move: Move) -> None:
    exported(move)
    move.target.admin("INSERT INTO organizations VALUES ('zeta', 'Zeta')")
    move.target.admin("INSERT INTO leads (organization_id) VALUES ('zeta')")
    door, _, undo = imported(move)

    plan = undo.plan(door)
    assert plan.risk is Risk.HIGH
    assert str(plan.blast_radius) == "12 of 12 rows of the tenant"
    assert [command.target["table"] for command in plan.commands][-1] == "public.organizations"
    assert undo.apply(door, plan).complete
    assert there(move) == [1, 1, 0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE leads SET data = '{}' WHERE email = 'lead3'", "of 7 imported rows 6 are as they were imported"),
        ("UPDATE leads SET email = NULL WHERE email = 'lead3'", "of 7 imported rows 6 are as they were imported"),
        (f"TRUNCATE {ODD}", "4 rows were imported, 0 are the tenant's by now"),
        ("INSERT INTO leads (organization_id) VALUES ('acme')", "7 rows were imported, 8 are the tenant's by now"),
        ("INSERT INTO remarks (lead_id) SELECT min(id) FROM leads", "would go or change with them"),
    ],
)
def test_it_takes_nothing_back_that_somebody_works_with(move18: Move, change: str, says: str) -> None:
    exported(move18)
    door, _, undo = imported(move18)
    plan = undo.plan(door)
    move18.target.admin(change)
    before = there(move18)

    with pytest.raises(Refused, match=says):
        undo.apply(door, plan)
    assert there(move18) == before
    assert undo.applied(door, plan) is False

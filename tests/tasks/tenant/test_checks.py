"""Before and after a tenant moves: nothing left out, the export whole, every row there."""

from __future__ import annotations

import pytest

from tasks.model import Refused, Verdict
from tasks.tenant import bundle
from tasks.tenant.checks import (
    check_tenant_export_fits,
    check_tenant_exported,
    check_tenant_imported,
    check_tenant_tables,
)
from tasks.tenant.export import ExportTenant
from tasks.tenant.imports import ImportTenant
from tests.tasks.tenant.conftest import Move


def exported(move: Move) -> None:
    door, action = move.door(), ExportTenant()
    action.apply(door, action.plan(door, "acme"))


def test_it_names_tables_that_would_stay_behind(move: Move) -> None:
    found = check_tenant_tables.fn(move.door())
    assert found.verdict is Verdict.WARN
    assert found.says.endswith("rows of public.remarks point at them, and stay behind.")
    assert found.rows[0] == {"table": "public.remarks", "points_at": "public.leads", "by": "remarks_lead_id_fkey"}

    move.source.admin("DROP TABLE remarks")
    assert check_tenant_tables.fn(move.door()).says.endswith("; none is left out.")


def test_it_sees_a_whole_export_and_an_altered_one(move18: Move) -> None:
    with pytest.raises(Refused, match="There is no export"):
        check_tenant_exported.fn(move18.door(), "acme")
    exported(move18)
    found = check_tenant_exported.fn(move18.door(), "acme")
    assert found.verdict is Verdict.OK
    assert found.says.startswith("12 rows of 'acme' in 3 files at ")
    assert found.value == 12

    (move18.folder / bundle.name_for("acme") / "02-public.leads.csv").unlink()
    found = check_tenant_exported.fn(move18.door(), "acme")
    assert found.verdict is Verdict.BAD
    assert "02-public.leads.csv: No such file or directory" in found.says


def test_it_says_whether_an_export_fits_and_whether_it_arrived(move18: Move) -> None:
    exported(move18)
    door, action = move18.door(), ImportTenant()
    assert check_tenant_export_fits.fn(door, "acme").verdict is Verdict.OK
    assert check_tenant_imported.fn(door, "acme").verdict is Verdict.BAD

    action.apply(door, action.plan(door, "acme"))

    assert check_tenant_export_fits.fn(door, "acme").verdict is Verdict.BAD
    found = check_tenant_imported.fn(door, "acme")
    assert found.verdict is Verdict.OK
    assert found.says == f"All 12 rows of 'acme' are in {door.target.address}, table by table."

    move18.target.admin("UPDATE leads SET referred_by = NULL; DELETE FROM leads WHERE email = 'lead7'")
    assert check_tenant_imported.fn(door, "acme").says == (
        f"Not all rows of 'acme' are in {door.target.address}: public.leads has 6 of 7."
    )


def test_it_asks_about_nobody_where_nobody_is_named(move18: Move) -> None:
    with pytest.raises(Refused, match="is no tenant"):
        check_tenant_exported.fn(move18.door())

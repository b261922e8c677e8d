"""Do exactly the old rows go that were counted, and stays what must?"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from tasks import deadline
from tasks.action import Action
from tasks.model import CannotLook, Outcome, Refused, Risk, Verdict
from tasks.retention import actions
from tasks.retention.actions import ArchiveOldRows, DeleteOldRows
from tasks.retention.checks import check_overdue_rows
from tasks.retention.system import Retention
from tests.tasks.retention.conftest import ENROLLED, EVENTS, LOGS, ODD, Old

OLD_LOGS = "at < date_trunc('day', now() AT TIME ZONE 'UTC') - interval '14 days'"
OLD_EVENTS = "at < date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '730 days'"


def done(door: Retention, action: Action) -> Outcome:
    return action.apply(door, action.plan(door))


def test_it_deletes_what_is_old_in_batches_and_nothing_else(old: Old) -> None:
    door = old.door(LOGS)
    there = old.count("logs")
    due = old.count("logs", OLD_LOGS)
    found = check_overdue_rows.fn(door)
    assert (found.verdict, found.value) == (Verdict.WARN, due)
    assert found.says.startswith(
        f"{due:,} rows of 1 rule should be gone on {door.database.address}: {due:,} of public.logs"
    )
    action = DeleteOldRows()
    plan = action.plan(door)
    assert plan.blast_radius.touched == due
    assert len(plan.commands) == -(-due // 500)
    assert plan.risk is Risk.LOW
    outcome = action.apply(door, plan)
    assert outcome.complete
    assert outcome.says == f"{due:,} rows of {due:,} gone."
    assert old.count("logs") == there - due
    assert old.count("logs", OLD_LOGS) == 0
    assert action.applied(door, plan) is True
    assert check_overdue_rows.fn(door).verdict is Verdict.OK
    assert action.plan(door).commands == ()


def test_it_shows_what_it_will_do(old18: Old) -> None:
    door = old18.door(EVENTS)
    plan = DeleteOldRows().plan(door)
    before = (datetime.now(UTC) - timedelta(days=730)).replace(hour=0, minute=0, second=0, microsecond=0).isoformat()
    where = f"at < '{before}' AND lower(type) NOT IN ('unsubscribe', 'spam_report')"
    [command] = plan.commands
    rows = plan.blast_radius.touched
    assert command.line.startswith(f"DELETE FROM public.events WHERE {where} AND (id) BETWEEN ('")  # noqa: S608
    assert command.line.endswith(f";  -- {rows} rows")
    assert plan.does.startswith(f"Delete {rows} rows (")
    assert DeleteOldRows().plan(door).effect == plan.effect


def test_it_keeps_evidence_for_ever(old: Old) -> None:
    """4-8: of what was older than two years, 276,558 rows were unsubscribes and complaints. An unknown type stays."""
    evidence = "lower(type) IN ('unsubscribe', 'spam_report') OR type IS NULL"
    kept = old.count("events", evidence)
    due = old.count("events", f"({OLD_EVENTS}) AND NOT ({evidence})")
    assert old.count("events", f"({OLD_EVENTS}) AND ({evidence})") > 50
    door = old.door(EVENTS)
    assert check_overdue_rows.fn(door).value == due
    assert done(door, DeleteOldRows()).says == f"{due} rows of {due} gone."
    assert old.count("events", evidence) == kept


def test_it_asks_when_nothing_is_there_of_what_it_keeps(old18: Old) -> None:
    """A typing error in `keep` would delete the evidence."""
    plan = DeleteOldRows().plan(old18.door({**EVENTS, "keep": {"type": ["unsubscribe", "spam_raport"]}}))
    assert "No row has 'spam_raport', which the rule keeps: is it spelt so?" in plan.does
    assert plan.risk is Risk.HIGH


def test_it_refuses_what_would_take_others_along(old18: Old) -> None:
    """3-5: deleting 18,214 enrolments took 72,856 sends, 30,102 events and 69 unsubscribes with them."""
    rule = {**ENROLLED, "only_unreferenced": False}
    for action, mode in ((DeleteOldRows(), "delete"), (ArchiveOldRows(), "archive")):
        with pytest.raises(
            Refused, match=r"others would go: 32 rows of public\.events are deleted, 40 rows of public\.sends"
        ):
            action.plan(old18.door({**rule, "mode": mode}))
    named = {**rule, "mode": "delete", "along": ["sends"]}
    with pytest.raises(Refused, match=r"others would go: 32 rows of public\.events are deleted\."):
        DeleteOldRows().plan(old18.door(named))


def test_it_takes_along_what_the_rule_names_after_a_person_has_seen_it(old18: Old) -> None:
    door = old18.door({**ENROLLED, "only_unreferenced": False, "mode": "delete", "along": ["sends", "public.events"]})
    plan = DeleteOldRows().plan(door)
    assert "Along go: 32 rows of public.events are deleted, 40 rows of public.sends are deleted." in plan.does
    assert plan.risk is Risk.HIGH
    sends = old18.count("sends")
    assert DeleteOldRows().apply(door, plan).complete
    assert old18.count("sends") == sends - 40


def test_it_refuses_along_what_is_kept_for_ever(old18: Old) -> None:
    with pytest.raises(
        ValueError, match="rows of events would go along with enrollments, and some of them are to be kept"
    ):
        old18.door({**ENROLLED, "only_unreferenced": False, "along": ["events"]}, EVENTS)


def test_it_archives_only_what_nobody_points_at(old: Old) -> None:
    door = old.door(ENROLLED)
    sends, events, due = old.count("sends"), old.count("events"), check_overdue_rows.fn(door).value
    outcome = done(door, ArchiveOldRows())
    assert outcome.complete
    assert (old.count("sends"), old.count("events")) == (sends, events)
    assert old.count("archive.enrollments") == due == 48
    assert old.count("enrollments", "status = 'active'") == 40
    assert old.stage.admin("SELECT DISTINCT loud FROM archive.enrollments") == [("COMPLETED",)]


def test_it_brings_archived_rows_back_as_they_were(old: Old) -> None:
    before = old.stage.admin("SELECT * FROM enrollments ORDER BY id")
    door = old.door(ENROLLED)
    action = ArchiveOldRows()
    plan = action.plan(door)
    outcome = action.apply(door, plan)
    back = action.undoing(plan, outcome)
    assert back
    undo = back.plan(door)
    assert back.apply(door, undo).says == "48 rows moved back."
    assert back.applied(door, undo) is True
    assert old.stage.admin("SELECT * FROM enrollments ORDER BY id") == before
    assert old.count("archive.enrollments") == 0


def test_it_brings_nothing_back_where_other_rows_lie_in_the_archive(old18: Old) -> None:
    door = old18.door(ENROLLED)
    action = ArchiveOldRows()
    plan = action.plan(door)
    outcome = action.apply(door, plan)
    old18.stage.admin("INSERT INTO archive.enrollments SELECT 95, 1, 'x', 'X', now()")
    back = action.undoing(plan, outcome)
    assert back
    undo = back.plan(door)
    assert len(undo.commands) == len(plan.commands) - 1
    assert "1 step left: the archive holds other rows between their keys." in undo.does


def test_it_refuses_an_archive_of_another_shape(old18: Old) -> None:
    old18.stage.admin("CREATE TABLE archive.enrollments (id bigint); GRANT ALL ON archive.enrollments TO app")
    with pytest.raises(Refused, match=r"archive\.enrollments has other columns than .*: lead integer, loud text"):
        ArchiveOldRows().plan(old18.door(ENROLLED))


def test_it_leaves_rows_that_somebody_holds_for_the_next_time(old18: Old) -> None:
    door = old18.door(LOGS)
    due = old18.count("logs", OLD_LOGS)
    old18.stage.begins("batch-job", f"SELECT * FROM logs WHERE {OLD_LOGS} LIMIT 7 FOR UPDATE")  # noqa: S608
    outcome = done(door, DeleteOldRows())
    assert (
        outcome.says
        == f"{due - 7:,} rows of {due:,} gone. 7 were in use or gone already; what is left goes another time."
    )
    assert not outcome.complete
    assert old18.count("logs", OLD_LOGS) == 7


def test_it_goes_on_after_a_kill_with_what_was_approved(old18: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is a transaction: what was done is done, and what is left is the same commands as before."""
    door = old18.door(LOGS)
    action = DeleteOldRows()
    plan = action.plan(door)
    taken = actions._take
    calls: list[object] = []

    def dies(*given: object) -> int:
        calls.append(given)
        if len(calls) == 2:
            raise CannotLook("killed")
        return taken(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(actions, "_take", dies)
    with pytest.raises(CannotLook):
        action.apply(door, plan)
    assert action.applied(door, plan) is False
    fresh = action.plan(door)
    assert fresh.effect < plan.effect
    assert len(fresh.commands) == len(plan.commands) - 1
    monkeypatch.undo()
    assert action.apply(door, fresh).complete
    assert action.applied(door, plan) is True


def test_it_begins_nothing_after_the_window(old18: Old) -> None:
    door = old18.door(LOGS)
    plan = DeleteOldRows().plan(door)
    with deadline.until(datetime.now(UTC) - timedelta(seconds=1)):
        outcome = DeleteOldRows().apply(door, plan)
    assert not outcome.complete
    assert len(outcome.not_done) == len(plan.commands)
    assert old18.count("logs", OLD_LOGS) == plan.blast_radius.touched


@pytest.mark.parametrize(("unasked", "delete", "archive"), [(47, Risk.HIGH, Risk.MODERATE), (48, Risk.LOW, Risk.LOW)])
def test_it_asks_a_person_above_the_declared_size(old18: Old, unasked: int, delete: Risk, archive: Risk) -> None:
    rule = {**ENROLLED, "unasked_rows": unasked}
    assert ArchiveOldRows().plan(old18.door(rule)).risk is archive
    assert DeleteOldRows().plan(old18.door({**rule, "mode": "delete"})).risk is delete


def test_it_undoes_a_batch_in_which_more_would_go_than_was_counted(old18: Old) -> None:
    door = old18.door({**LOGS, "batch_rows": 5000})
    plan = DeleteOldRows().plan(door)
    due = f"{plan.blast_radius.touched:,}"
    old18.stage.admin("INSERT INTO logs SELECT node, n + 100000, at FROM logs WHERE node = 'n0' AND n > 1500")
    there = old18.count("logs")
    with pytest.raises(
        Refused, match=rf"{due} rows were counted, and .* would go by now\. Nothing of this batch was done"
    ):
        DeleteOldRows().apply(door, plan)
    assert old18.count("logs") == there


def test_it_undoes_a_batch_when_others_would_go_that_came_since(old18: Old) -> None:
    """A table that points at old rows is made between the plan and the act."""
    door = old18.door({**LOGS, "table": "enrollments", "age_column": "updated_at", "only_unreferenced": False,
                       "where": {"status": ["active"]}, "older_than_days": 100})  # fmt: skip
    old18.stage.admin("DELETE FROM sends")
    plan = DeleteOldRows().plan(door)
    old18.stage.admin(
        "CREATE TABLE late (of bigint REFERENCES enrollments ON DELETE CASCADE); "
        "INSERT INTO late SELECT id FROM enrollments; ALTER TABLE late OWNER TO app"
    )
    there = old18.count("enrollments")
    with pytest.raises(Refused, match=r"More would go than was counted: 20 of public\.late deleted\. Nothing"):
        DeleteOldRows().apply(door, plan)
    assert (old18.count("enrollments"), old18.count("late")) == (there, there)


def test_it_tells_of_triggers_and_asks(old18: Old) -> None:
    old18.stage.admin(
        "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'; "
        "CREATE TRIGGER note BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION noted()"
    )
    plan = DeleteOldRows().plan(old18.door(LOGS))
    assert "Triggers fire, and what they do is not known here: note on public.logs" in plan.does
    assert plan.risk is Risk.HIGH


def test_it_does_what_was_approved_and_nothing_else(old18: Old) -> None:
    plan = DeleteOldRows().plan(old18.door(LOGS))
    with pytest.raises(Refused, match=r"The rule for public\.logs by at is not what was approved"):
        DeleteOldRows().apply(old18.door({**LOGS, "where": {"node": ["n1"]}}), plan)
    with pytest.raises(Refused, match=r"There is no rule for public\.logs by at any more"):
        DeleteOldRows().apply(old18.door(EVENTS), plan)
    broader = dataclasses.replace(
        plan,
        commands=tuple(
            dataclasses.replace(c, target={**c.target, "before": "2099-01-01T00:00:00+00:00"}) for c in plan.commands
        ),
    )
    with pytest.raises(Refused, match="not what was approved"):
        DeleteOldRows().apply(old18.door(LOGS), broader)
    assert old18.count("logs") == 2000


@pytest.mark.parametrize(
    "evil",
    [
        {"table": "logs; DROP TABLE logs"},
        {"table": 'logs" WHERE true; --'},
        {"table": "pg_catalog.pg_class' OR 'x"},
        {"age_column": "at < now() OR true --"},
        {"age_column": 'at" OR true OR "at'},
        {"where": {"node = 'n1' OR true --": ["x"]}},
        {"keep": {"text) OR (true": ["x"]}},
    ],
)
def test_it_never_runs_a_name_as_sql(old18: Old, evil: dict[str, object]) -> None:
    """Names are looked up by what they are called; what is not there is refused, whatever it says."""
    door = old18.door({**LOGS, **evil})
    with pytest.raises(Refused, match=r"There is no table|has no column"):
        DeleteOldRows().plan(door)
    with pytest.raises(Refused):
        check_overdue_rows.fn(door)
    assert old18.count("logs") == 2000


@pytest.mark.parametrize("value", ["n1' OR true --", "%s", "%(before)s", "{old}", "n1'; DROP TABLE logs; --", "\\"])
def test_it_never_runs_a_value_as_sql(old18: Old, value: str) -> None:
    assert DeleteOldRows().plan(old18.door({**LOGS, "where": {"node": [value]}})).commands == ()
    door = old18.door({**LOGS, "keep": {"node": [value]}})
    assert DeleteOldRows().plan(door).blast_radius.touched == old18.count("logs", OLD_LOGS)


def test_it_takes_any_name_the_server_takes(old18: Old) -> None:
    door = old18.door({**LOGS, "table": f"public.{ODD}", "age_column": 'a "t', "older_than_days": 10})
    assert done(door, DeleteOldRows()).complete
    assert old18.count('"We ""ird.%s"') in (10, 11)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"older_than_days": 0}, "older_than_days"),
        ({"where": {"status": []}}, "status"),
        ({"sql": "DELETE FROM logs"}, "sql"),
        ({"mode": "truncate"}, "mode"),
        ({"only_unreferenced": True, "along": ["sends"]}, "nothing goes along"),
        ({"table": "archive.logs"}, "lies in the archive itself"),
    ],
)
def test_it_refuses_a_rule_that_means_nothing_good(old18: Old, changed: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        old18.door({**LOGS, **changed})


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        ("REVOKE DELETE ON logs FROM app", "app may not delete rows of logs"),
        ("ALTER TABLE logs DROP CONSTRAINT logs_pkey", "has no primary key"),
        ("ALTER TABLE logs ALTER at TYPE text", "is text, and tells no age"),
        ("ALTER TABLE logs ENABLE ROW LEVEL SECURITY", "Row security of logs .* hides rows from app"),
    ],
)
def test_it_refuses_what_it_could_not_do_well(old18: Old, setup: str, says: str) -> None:
    old18.stage.admin(setup)
    with pytest.raises(Refused, match=says):
        DeleteOldRows().plan(old18.door(LOGS))


def test_it_waits_for_nobody_longer_than_it_says(old18: Old) -> None:
    door = old18.door(LOGS, lock_s=0.2)
    plan = DeleteOldRows().plan(door)
    old18.stage.begins("migration", "LOCK TABLE logs IN SHARE MODE")
    began = datetime.now(UTC)
    with pytest.raises(CannotLook):
        DeleteOldRows().apply(door, plan)
    assert datetime.now(UTC) - began < timedelta(seconds=60)
    assert old18.count("logs") == 2000


def test_it_takes_partitions_as_one_table(old: Old) -> None:
    old.stage.admin(
        "CREATE TABLE parted (id int, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); "
        "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (MINVALUE) TO ('2020-01-01'); "
        "CREATE TABLE parted_2 PARTITION OF parted DEFAULT; "
        "INSERT INTO parted SELECT n, '2019-12-01'::timestamptz + n * interval '1 day' FROM generate_series(1, 60) n; "
        "GRANT ALL ON parted, parted_1 TO app"
    )
    for table in ("parted", "parted_1"):
        door = old.door({**LOGS, "table": table})
        outcome = done(door, DeleteOldRows())
        assert outcome.complete
    assert old.count("parted") == 0


def test_it_plans_no_more_than_one_run_takes(old18: Old) -> None:
    plan = DeleteOldRows().plan(old18.door({**LOGS, "most_rows": 700}))
    assert plan.blast_radius.touched == 700
    assert "The rest goes another time." in plan.does


def test_it_looks_at_the_role_that_reads_for_the_question(old18: Old) -> None:
    found = list(old18.door(LOGS, url=old18.stage.url("nobody_special")).examine())
    assert all(one.verdict is Verdict.OK for one in found)
    with pytest.raises(Refused, match="nobody_special may not read logs"):
        check_overdue_rows.fn(old18.door(LOGS, url=old18.stage.url("nobody_special")))

"""A real standby that falls behind, is cut off and catches up; the slots that keep the log for it."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deployments.cluster import Cluster, running
from deployments.leash import leashed
from deployments.ports import free_port
from tasks.model import Earlier, Finding, Refused, Risk, Threshold, Verdict
from tasks.postgres.indexes import spare
from tasks.postgres.indexes.checks import check_idle_indexes
from tasks.postgres.replication.actions import DropAbandonedSlot
from tasks.postgres.replication.checks import REPLICA_LAG, SLOT_WAL, check_replication_lag, check_replication_slots
from tasks.postgres.values import number
from tests.conftest import SETTINGS, Server
from tests.tasks.postgres.condition import CONDITION
from tests.tasks.postgres.conftest import PASSWORD, Stage, staged, until

MIB = 2**20
SMALL = Threshold(warn=4 * MIB, bad=8 * MIB, because="Owner: this test.")


def writes(stage: Stage, mib: int) -> None:
    """Exactly so much log, and a header of some bytes for each MiB."""
    stage.admin(f"SELECT pg_logical_emit_message(true, 't', repeat('x', {MIB})) FROM generate_series(1, {mib})")  # noqa: S608


def slot(stage: Stage, name: str) -> None:
    """A slot that keeps nothing yet: the log is kept from the last checkpoint on."""
    stage.admin("CHECKPOINT")
    stage.admin(f"SELECT pg_create_physical_replication_slot('{name}', true)")


@pytest.fixture(params=["postgres18", "postgres15"])
def primary(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A stage without slots, before and after."""
    with staged(request.getfixturevalue(request.param)) as ready:
        yield ready
        ready.stack.close()
        until(lambda: not ready.admin("SELECT 1 FROM pg_replication_slots WHERE active"), "nobody uses a slot")
        ready.admin("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


def replicator(stage: Stage) -> Stage:
    """The acting role may drop slots."""
    if not stage.admin("SELECT 1 FROM pg_roles WHERE rolname = 'replicator'"):
        stage.admin(f"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
    return stage


@pytest.mark.parametrize(
    ("limit", "value", "verdict"),
    [
        (REPLICA_LAG, 29, Verdict.OK),
        (REPLICA_LAG, 30, Verdict.WARN),
        (REPLICA_LAG, 300, Verdict.BAD),
        (SLOT_WAL, 10 * 2**30 - 1, Verdict.OK),
        (SLOT_WAL, 10 * 2**30, Verdict.WARN),
        (SLOT_WAL, 50 * 2**30, Verdict.BAD),
    ],
)
def test_it_knows_both_sides_of_the_limits(limit: Threshold, value: float, verdict: Verdict) -> None:
    assert limit.judge(value) is verdict
    assert "Owner:" in limit.because


def test_it_counts_the_log_that_a_slot_keeps(primary: Stage) -> None:
    slot(primary, "old_replica")
    before = check_replication_slots.fn(primary.door(), SMALL)
    writes(primary, 9)

    found = check_replication_slots.fn(primary.door(), SMALL)

    assert before.verdict is Verdict.OK
    assert found.value is not None
    assert before.value is not None
    assert 9 * MIB <= found.value - before.value <= 9.5 * MIB
    assert found.verdict is Verdict.BAD
    assert found.says.startswith("1 replication slot; old_replica keeps 9.")
    assert " MiB of write-ahead log (bad from 8.0 MiB), not in use" in found.says


def test_it_is_bad_when_the_log_a_slot_needs_is_gone(primary: Stage) -> None:
    slot(primary, "lost_replica")
    try:
        primary.admin("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        primary.admin("SELECT pg_reload_conf()")
        writes(primary, 40)
        primary.admin("SELECT pg_switch_wal()")
        primary.admin("CHECKPOINT")
        until(lambda: check_replication_slots.fn(primary.door()).verdict is Verdict.BAD, "the slot is lost")
    finally:
        primary.admin("ALTER SYSTEM RESET max_slot_wal_keep_size")
        primary.admin("SELECT pg_reload_conf()")

    found = check_replication_slots.fn(primary.door())
    assert found.says.startswith("The log that the slot lost_replica needed is gone (not in use")
    assert found.remedy.startswith("lost_replica: no setting brings its log back. Drop it, and make its replica anew:")
    plan = DropAbandonedSlot().plan(replicator(primary).door(acts="replicator"))
    assert [command.target["slot"] for command in plan.commands] == ["lost_replica"]


def test_it_saves_a_slot_whose_log_goes_with_the_next_checkpoint(primary: Stage) -> None:
    """Dropping it was all that was offered, and its replica would have had to be copied anew."""
    slot(primary, "late_replica")
    try:
        primary.admin("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        primary.admin("SELECT pg_reload_conf()")
        writes(primary, 40)
        until(lambda: "goes with the next checkpoint" in check_replication_slots.fn(primary.door()).says, "unreserved")
        found = check_replication_slots.fn(primary.door())
        plan = DropAbandonedSlot().plan(replicator(primary).door(acts="replicator"))

        lines = r"before the next checkpoint, .*: (ALTER SYSTEM SET .*MB';) (SELECT pg_reload_conf\(\);) Then "
        enough = re.search(lines, found.remedy)
        assert enough
        for line in enough.groups():
            primary.admin(line)
        until(lambda: check_replication_slots.fn(primary.door()).verdict is Verdict.OK, "the slot is safe again")
        primary.admin("CHECKPOINT")

        assert found.verdict is Verdict.BAD
        assert re.search(r"needs, 4\d\.\d MiB, is more than max_slot_wal_keep_size \(1MB\) and goes", found.says)
        assert found.remedy.endswith("only if that is gone for good: SELECT pg_drop_replication_slot('late_replica');")
        assert plan.commands == ()
        assert plan.does == f"Nothing to drop. The slot late_replica can still be saved. {found.remedy}"
        assert check_replication_slots.fn(primary.door()).verdict is Verdict.OK
        assert primary.admin("SELECT wal_status FROM pg_replication_slots") != [("lost",)]
    finally:
        primary.admin("ALTER SYSTEM RESET max_slot_wal_keep_size")
        primary.admin("SELECT pg_reload_conf()")


def test_it_warns_of_a_slot_with_little_room_left(primary: Stage) -> None:
    slot(primary, "late_replica")
    try:
        primary.admin("ALTER SYSTEM SET max_slot_wal_keep_size = '128MB'")
        primary.admin("SELECT pg_reload_conf()")
        assert check_replication_slots.fn(primary.door()).verdict is Verdict.OK
        writes(primary, 116)

        found = check_replication_slots.fn(primary.door())

        assert found.verdict is Verdict.WARN
        assert " before it is lost." in found.says
        assert "before its room is used up, if the disk has the room: ALTER SYSTEM " in found.remedy
    finally:
        primary.admin("ALTER SYSTEM RESET max_slot_wal_keep_size")
        primary.admin("SELECT pg_reload_conf()")


def test_it_drops_exactly_the_abandoned_slot(primary: Stage) -> None:
    slot(primary, "old_replica")
    writes(primary, 9)
    slot(primary, "new_replica")
    action, door = DropAbandonedSlot(), replicator(primary).door(acts="replicator")
    plan = action.plan(door, SMALL)
    assert action.applied(door, plan) is False
    assert action.plan(door, SMALL).effect == plan.effect

    outcome = action.apply(door, plan)

    assert plan.risk is Risk.HIGH
    assert str(plan.blast_radius) == "1 of 2 replication slots"
    assert plan.does.startswith("Drop the physical slot old_replica, for which 9.")
    assert outcome.says == "1 slot: old_replica dropped."
    assert outcome.complete
    assert action.applied(door, plan) is True
    assert primary.admin("SELECT slot_name FROM pg_replication_slots") == [("new_replica",)]
    assert check_replication_slots.fn(door, SMALL).verdict is Verdict.OK
    # Again, as after a crash: nothing happens.
    assert action.apply(door, plan).says == "1 slot: old_replica already gone."


def test_it_leaves_a_slot_that_was_used_since_the_plan(primary: Stage) -> None:
    slot(primary, "old_replica")
    writes(primary, 9)
    action, door = DropAbandonedSlot(), replicator(primary).door(acts="replicator")
    plan = action.plan(door, SMALL)
    primary.admin("SELECT pg_replication_slot_advance('old_replica', pg_current_wal_lsn())")

    outcome = action.apply(door, plan)

    assert outcome.says == "1 slot: old_replica used meanwhile."
    assert not outcome.complete
    assert primary.admin("SELECT slot_name FROM pg_replication_slots") == [("old_replica",)]


def test_it_leaves_a_slot_in_use(primary: Stage, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    slot(primary, "old_replica")
    writes(primary, 9)
    action, door = DropAbandonedSlot(), replicator(primary).door(acts="replicator")
    plan = action.plan(door, SMALL)
    server: Server = request.getfixturevalue(request.node.callspec.params["primary"])
    receiver = subprocess.Popen(
        [server.cluster.bin / "pg_receivewal", "-d", server.admin_url, "-S", "old_replica", "-D", tmp_path, "-n"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: primary.admin("SELECT 1 FROM pg_replication_slots WHERE active"), "the slot is in use")
        outcome = action.apply(door, plan)
        fresh = action.plan(door, Threshold(warn=1, bad=2, because="Owner: this test."))
    finally:
        receiver.kill()
        receiver.wait()

    assert outcome.says == "1 slot: old_replica in use."
    assert not outcome.complete
    assert fresh.commands == ()


def test_it_refuses_a_step_that_nobody_could_take(primary: Stage) -> None:
    slot(primary, "old_replica")
    writes(primary, 9)

    with pytest.raises(Refused) as refused:
        DropAbandonedSlot().plan(primary.door(), SMALL)
    assert refused.value.remedy == "ALTER ROLE actor REPLICATION;"


@dataclass(frozen=True)
class Pair:
    """A primary, and a standby made from it."""

    primary: Stage
    standby: Stage

    def lag(self, of: Stage, earlier: Finding | None = None) -> Finding:
        before = Earlier(at_s=0, value=0, facts=earlier.facts) if earlier else None
        return check_replication_lag.fn(of.door(), earlier=before)

    def caught_up(self) -> bool:
        rows = self.primary.admin("SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()")
        return bool(rows)


@pytest.fixture
def pair(primary: Stage, request: pytest.FixtureRequest) -> Iterator[Pair]:
    server: Server = request.getfixturevalue(request.node.callspec.params["primary"])
    with tempfile.TemporaryDirectory(prefix="incident-pg-") as folder:
        # The cluster's user may be `nobody`, who must be able to write here.
        Path(folder).chmod(0o777)
        data = Path(folder) / "data"
        settings = {**SETTINGS, "hot_standby_feedback": "off", "wal_receiver_status_interval": "1s"}
        cluster = Cluster(folder=data, port=free_port(), bin=server.cluster.bin, settings=settings)
        command = [str(cluster.bin / "pg_basebackup"), "-d", server.admin_url, "-D", str(data)]
        command += ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        subprocess.run(
            leashed(command, how=cluster.drop), check=True, capture_output=True, env={**os.environ, "LC_ALL": "C"}
        )
        with running(cluster, server.password):
            copy = Server(cluster, server.password)
            database = primary.admin_url.rpartition("/")[2]
            standby = replace(primary, admin_url=copy.url("postgres", server.password, database), threads=[])
            both = Pair(primary, standby)
            until(both.caught_up, "the standby has caught up")
            yield both
            primary.stack.close()


def test_it_sees_a_standby_fall_behind_and_catch_up(pair: Pair) -> None:
    healthy = pair.lag(pair.primary)
    assert healthy.verdict is Verdict.OK
    assert "walreceiver at 127.0.0.1" in healthy.says
    assert pair.lag(pair.standby).verdict is Verdict.OK

    pair.standby.admin("SELECT pg_wal_replay_pause()")
    until(lambda: pair.standby.admin("SELECT 1 WHERE pg_is_wal_replay_paused()"), "replay is paused")
    writes(pair.primary, 4)
    late = pair.lag(pair.primary, healthy)
    known = late.facts["replicas"]
    assert isinstance(known, dict)
    name, (replayed, since_s) = next(iter(known.items()))
    # As if the look before had been six minutes ago.
    long_ago = replace(late, facts={**late.facts, "replicas": {name: [replayed, float(str(since_s)) - 360]}})
    later = pair.lag(pair.primary, long_ago)

    assert later.verdict is Verdict.BAD
    assert later.value == pytest.approx(360, abs=20)
    assert 4 * MIB <= number(later.rows[0]["behind_bytes"]) <= 4.5 * MIB
    assert pair.lag(pair.standby).says.endswith(", and its replay is paused.")

    pair.standby.admin("SELECT pg_wal_replay_resume()")
    until(pair.caught_up, "the standby has caught up")
    assert pair.lag(pair.primary, later).verdict is Verdict.OK
    assert pair.lag(pair.standby).verdict is Verdict.OK


def test_it_says_that_a_standby_is_cut_off(pair: Pair) -> None:
    pair.standby.admin("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1 user=nobody'")
    pair.standby.admin("SELECT pg_reload_conf()")
    until(lambda: not pair.standby.admin("SELECT 1 FROM pg_stat_wal_receiver"), "the standby is cut off")

    found = pair.lag(pair.standby)

    assert found.verdict is Verdict.WARN
    assert found.says.startswith("This standby is not connected to its primary; what it shows is ")


def test_it_knows_that_a_standby_counted_its_own_queries_only(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "WORTH_DROPPING_BYTES", 0)
    monkeypatch.setattr(spare, "LONG_ENOUGH_S", 0.0)
    pair.primary.admin("CREATE INDEX used_there ON leads (status)")
    until(pair.caught_up, "the standby has the index")
    found = check_idle_indexes.fn(pair.standby.door())
    assert (found.verdict, [row["index"] for row in found.rows]) == (Verdict.OK, ["used_there"])
    assert found.says.endswith(" Yet this is a standby, and its primary counts its own queries: ask there.")

    was = pair.standby.admin("SELECT clock_timestamp()")[0][0]
    pair.standby.admin("SELECT pg_promote()")
    until(lambda: pair.standby.admin("SELECT 1 WHERE NOT pg_is_in_recovery()"), "the standby is promoted")
    until(lambda: "standby" in str(spare.counting(pair.standby.door())["began"]), "its own log writer has begun")

    counted = spare.counting(pair.standby.door())
    since = f"SELECT 1 WHERE clock_timestamp() - make_interval(secs => {counted['counted_for_s']}) > '{was}'"
    assert pair.standby.admin(since)
    assert counted["began"] == "the server stopped being a standby, or was restarted after that"


def test_it_can_be_asked_everything_on_a_standby(pair: Pair) -> None:
    pair.primary.admin("GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO actor")
    until(pair.caught_up, "the standby has caught up")
    for asked in CONDITION:
        assert asked.fn(pair.standby.door()).verdict is Verdict.OK, asked.name

"""Dropping indexes: only what the plan names, only while what it says is so, and built again by the undo."""

from __future__ import annotations

import psycopg
import pytest

from tasks.model import BlastRadius, Plan, Refused, Risk, Verdict
from tasks.postgres.indexes import spare
from tasks.postgres.indexes.checks import check_invalid_indexes
from tasks.postgres.indexes.drops import DropDuplicateIndexes, DropIdleIndexes, DropInvalidIndexes
from tasks.postgres.indexes.work import index_state
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.keeper import keeper

A, B = 'I "1.%s', 'Ü "2.%s'
IDENT_A, IDENT_B = '"I ""1.%s"', '"Ü ""2.%s"'
DROPS = (DropIdleIndexes, DropDuplicateIndexes, DropInvalidIndexes)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and a month is over at once."""
    monkeypatch.setattr(spare, "WORTH_DROPPING_BYTES", 0)
    monkeypatch.setattr(spare, "LONG_ENOUGH_S", 0.0)


@pytest.fixture
def pair(stage: Stage) -> Stage:
    """Two indexes that are alike, beside keys that are not to be touched."""
    stage.admin(
        "GRANT CREATE ON SCHEMA public TO app; ALTER TABLE leads OWNER TO app;"
        f"CREATE INDEX {IDENT_A} ON leads (status) WITH (fillfactor = 70);"
        f"CREATE INDEX {IDENT_B} ON leads (status) WITH (fillfactor = 70);"
        f"COMMENT ON INDEX {IDENT_A} IS 'for the yearly report'"
    )
    return stage


def indexes(stage: Stage) -> dict[str, tuple[object, ...]]:
    rows = stage.admin(
        "SELECT relname, indisvalid, pg_get_indexdef(oid) FROM pg_index JOIN pg_class ON oid = indexrelid "
        "WHERE indrelid = 'leads'::regclass"
    )
    return {str(name): rest for name, *rest in rows}  # type: ignore[misc]


def test_it_drops_one_of_two_and_takes_it_back(pair: Stage) -> None:
    action, postgres, before = DropDuplicateIndexes(), keeper(pair), indexes(pair)
    plan = action.plan(postgres)
    assert [c.line for c in plan.commands] == [f"DROP INDEX CONCURRENTLY public.{IDENT_B};"]
    assert plan.does == f"Drop public.{IDENT_B} of public.leads, 0 MiB: public.{IDENT_A} answers the same queries."
    assert plan.blast_radius == BlastRadius(touched=1, total=4, noun="indexes")
    assert plan.risk is Risk.MODERATE
    assert action.applied(postgres, plan) is False
    assert action.plan(postgres).effect == plan.effect

    outcome = action.apply(postgres, plan)

    assert (outcome.complete, action.applied(postgres, plan)) == (True, True)
    assert indexes(pair) == {name: rest for name, rest in before.items() if name != B}
    assert action.plan(postgres).commands == ()
    undo = action.undoing(plan, outcome)
    assert undo
    assert undo.apply(postgres, undo.plan(postgres)).complete
    assert indexes(pair) == before


def test_it_takes_back_what_it_dropped_and_not_what_somebody_else_did(pair: Stage) -> None:
    pair.admin(f"DROP INDEX {IDENT_A}; CREATE INDEX theirs ON leads ((status || email))")
    action, postgres = DropIdleIndexes(), keeper(pair)
    plan = action.plan(postgres)
    assert sorted(str(c.target["name"]) for c in plan.commands) == sorted([B, "theirs"])
    pair.admin("DROP INDEX theirs")

    outcome = action.apply(postgres, plan)

    assert outcome.complete
    assert "public.theirs was gone already" in outcome.says
    undo = action.undoing(plan, outcome)
    assert undo
    assert [c.target["name"] for c in undo.plan(postgres).commands] == [B]


def test_it_drops_what_is_unused_but_no_key(pair: Stage) -> None:
    action, postgres = DropIdleIndexes(), keeper(pair)
    plan = action.plan(postgres)

    assert action.apply(postgres, plan).complete

    assert "Drop public." in plan.does
    assert "Its comment: “for the yearly report”." in plan.does
    assert "Postgres keeps no date of it." in plan.does
    assert indexes(pair).keys() == {"leads_pkey", "leads_email_key", B}


def left(stage: Stage, plan: Plan, action: DropIdleIndexes | DropDuplicateIndexes | DropInvalidIndexes) -> None:
    """Applied now, the plan touches nothing, and says so."""
    before = indexes(stage)
    outcome = action.apply(keeper(stage), plan)
    assert not outcome.complete
    assert "left alone: what the plan says of it is no longer so" in outcome.says
    assert indexes(stage) == before


def test_it_leaves_the_last_one_when_the_other_went_meanwhile(pair: Stage) -> None:
    plan = DropDuplicateIndexes().plan(keeper(pair))
    pair.admin(f"DROP INDEX {IDENT_A}")

    left(pair, plan, DropDuplicateIndexes())


def test_it_leaves_what_was_used_meanwhile(pair: Stage) -> None:
    pair.admin(f"DROP INDEX {IDENT_B}")
    plan = DropIdleIndexes().plan(keeper(pair))
    with pair.session("web") as session:
        session.execute(b"SET enable_seqscan = off")
        session.execute(b"SELECT * FROM leads WHERE status = 'x'")
    until(lambda: not DropIdleIndexes().plan(keeper(pair)).commands, "the scan is counted")

    left(pair, plan, DropIdleIndexes())


def test_it_leaves_what_was_built_anew_under_the_same_name(pair: Stage) -> None:
    plan = DropDuplicateIndexes().plan(keeper(pair))
    pair.admin(f"DROP INDEX {IDENT_B}; CREATE INDEX {IDENT_B} ON leads (id, status)")

    left(pair, plan, DropDuplicateIndexes())


def test_it_leaves_what_cannot_be_known_any_more(pair: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = DropIdleIndexes().plan(keeper(pair))
    monkeypatch.setattr(spare, "LONG_ENOUGH_S", 3600.0)

    left(pair, plan, DropIdleIndexes())


@pytest.fixture
def broken(pair: Stage) -> Stage:
    """An index whose build broke off: two equal values in what was to be unique."""
    with pytest.raises(psycopg.errors.UniqueViolation):
        pair.admin("CREATE UNIQUE INDEX CONCURRENTLY broken ON leads (status)")
    return pair


def test_it_drops_what_a_broken_off_build_left_behind(broken: Stage) -> None:
    action, postgres = DropInvalidIndexes(), keeper(broken)
    plan = action.plan(postgres)
    assert [c.line for c in plan.commands] == ["DROP INDEX CONCURRENTLY public.broken;"]
    assert plan.risk is Risk.LOW

    outcome = action.apply(postgres, plan)

    assert outcome.says == "public.broken dropped."
    assert action.applied(postgres, plan) is True
    assert check_invalid_indexes.fn(postgres).verdict is Verdict.OK
    assert action.plan(postgres).does == "Nothing to drop: no index is invalid."


def test_it_leaves_a_left_over_that_was_mended_meanwhile(broken: Stage) -> None:
    plan = DropInvalidIndexes().plan(keeper(broken))
    broken.admin("UPDATE leads SET status = id; REINDEX INDEX broken")

    left(broken, plan, DropInvalidIndexes())


def test_it_says_when_it_dropped_only_half(pair: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drop that does not get its second lock leaves an invalid index; the next step finishes it."""
    monkeypatch.setattr(PostgresServer.act_at_length, "__kwdefaults__", {"lock_s": 0.3})
    action, postgres = DropDuplicateIndexes(), keeper(pair)
    plan = action.plan(postgres)
    reader = pair.begins("report", "SELECT count(*) FROM leads")

    outcome = action.apply(postgres, plan)

    assert not outcome.complete
    assert f"public.{B} half dropped: it is invalid now and still has to be dropped" in outcome.says
    reader.close()
    back = action.undoing(plan, outcome)
    assert back
    again = back.plan(postgres)
    assert [c.line.split()[0] for c in again.commands] == ["DROP", "CREATE"]
    assert check_invalid_indexes.fn(postgres).verdict is Verdict.BAD
    assert DropInvalidIndexes().apply(postgres, DropInvalidIndexes().plan(postgres)).complete
    assert index_state(postgres, "public", B) is None


def test_it_refuses_in_read_only_mode(broken: Stage) -> None:
    """As a provider sets it when the disk is full. The questions are asked all the same."""
    (database,) = broken.admin("SELECT current_database()")[0]
    broken.admin(f"ALTER DATABASE {database} SET default_transaction_read_only = on")

    assert check_invalid_indexes.fn(keeper(broken)).verdict is Verdict.BAD
    for action in DROPS:
        with pytest.raises(Refused, match="is in read-only mode for keeper") as caught:
            action().plan(keeper(broken))
        assert f"ALTER DATABASE {database} RESET default_transaction_read_only;" in caught.value.remedy


def test_it_refuses_what_the_acting_role_may_not_do(broken: Stage) -> None:
    broken.admin("ALTER TABLE leads OWNER TO boss")

    for action in DROPS:
        with pytest.raises(Refused, match=r"Only the owner of leads may drop public\.") as caught:
            action().plan(keeper(broken))
        assert caught.value.remedy == "GRANT boss TO keeper;"

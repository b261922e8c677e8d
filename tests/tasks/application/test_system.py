"""The mapping: what is not mapped is asked for by name, what is not there is told, and no name becomes SQL."""

from __future__ import annotations

import tomllib
from pathlib import Path

import psycopg
import pytest
from pydantic import ValidationError

from tasks.application.fit import examined
from tasks.application.queries import LAST_RUNS
from tasks.application.sending.queries import ATTEMPTS, DUE
from tasks.application.system import ApplicationDatabase
from tasks.model import CannotLook, Refused, Verdict
from tests.tasks.application.conftest import Shop
from tests.tasks.application.tables import MAPPING

EXAMPLE = Path(__file__).parents[3] / "environments.example.toml"
NO_COLUMNS = {"table", "scheduler", "sender", "updater", "time_zone", "stop", "per_run"}
HOSTILE = '"; DROP TABLE leads; --%s\\'
SPAN = {"since": "2020-01-01", "until": "2030-01-01"}


def test_it_names_the_lines_that_are_missing(shop: Shop) -> None:
    with pytest.raises(Refused, match=r"sends\.failed_at") as told:
        shop.door("sends.failed_at").rows(ATTEMPTS, **SPAN)
    assert told.value.remedy == (
        "Write in environments.toml:\n\n"
        "[environments.….systems.application.sends]\n"
        'failed_at = "…"  # when the attempt failed; may be a column that moves, as long as failed mails do not'
    )

    with pytest.raises(Refused) as told:
        shop.door("executions").rows(LAST_RUNS, names=[], days=1)
    lines = told.value.remedy.splitlines()
    assert lines[2:4] == [
        "[environments.….systems.application.executions]",
        'table = "…"  # a run of a workflow, a row each; and what we expect of the workflows',
    ]
    assert 'statuses.success = ["…"]  # it did what it should' in lines


def test_it_leaves_out_what_is_optional(shop: Shop) -> None:
    shop.mails(3)
    row = shop.door("sends.bounce_type", "sends.scheduled_for").rows(ATTEMPTS, **SPAN)[0]
    assert row == {"went_out": 3, "failed": 0}
    assert shop.door().rows(ATTEMPTS, **SPAN)[0] == {"went_out": 3, "failed": 0, "bounced": 0, "delay_s": 20.0}


def test_it_says_which_table_or_column_is_not_there(shop: Shop) -> None:
    door = shop.door(sends={"table": "email_send"})
    with pytest.raises(Refused, match=r"no table public\.email_send, .*\. Did you mean 'email_sends'"):
        door.rows(DUE)
    door = shop.door(sends={"scheduled_for": "scheduled_time"})
    with pytest.raises(Refused, match=r"email_sends has no column scheduled_time, which sends\.scheduled_for") as told:
        door.rows(DUE)
    assert told.value.remedy.startswith('scheduled_for = "scheduled_send_time"  # under sends; it has: id, lead_id')


@pytest.mark.parametrize(
    "changed", [{"scheduled_for": "failure_reason"}, {"statuses": {"queued": ["waits"], "failed": ["failed"]}}]
)
def test_it_says_what_to_compare_where_types_do_not_fit(shop: Shop, changed: dict[str, object]) -> None:
    with pytest.raises(Refused, match="SQLSTATE") as told:
        shop.door(sends=changed).rows(DUE)
    assert told.value.remedy.startswith("A column is not what it is mapped to be")
    assert "sends.status = send_status" in told.value.remedy


def test_it_waits_longer_for_what_reads_weeks(shop: Shop) -> None:
    door = shop.door()
    assert door.patient(60).statement_timeout_s == door.patient(60).server.statement_timeout_s == 60
    assert door.patient(1).statement_timeout_s == door.statement_timeout_s == 10


def test_it_is_examined_part_by_part(shop: Shop) -> None:
    found = list(shop.door().examine())
    assert [one.verdict for one in found] == [Verdict.OK] * 16
    assert found[0].says == "public.email_sends is there as sends: 14 columns."

    found = list(shop.door(events={"at": "xyz"}, leads={"table": "xyz"}).examine())
    assert [one.says for one in found if one.verdict is Verdict.BAD] == [
        "public.email_events has no column xyz, which events.at should be.",
        "There is no table public.xyz, which leads should be.",
    ]


def test_it_advises_an_index_where_a_large_table_has_none(own_shop: Shop) -> None:
    own_shop.mails(20_000)
    own_shop.run("DROP INDEX email_sends_actual_send_time_idx; ANALYZE email_sends")
    (advice,) = [one for one in own_shop.door().examine() if one.verdict is not Verdict.OK]
    assert advice.verdict is Verdict.WARN
    assert advice.says == (
        "public.email_sends has no index that begins with actual_send_time: questions about a day's sends read all of "
        "its 20,000 rows."
    )
    assert advice.remedy == 'CREATE INDEX CONCURRENTLY ON "public"."email_sends" ("actual_send_time");'
    # One of some rows is no help to a question about all of them; to one about those rows it is.
    own_shop.run("CREATE INDEX ON email_sends (actual_send_time) WHERE send_status = 'failed'")
    assert [one for one in own_shop.door().examine() if one.verdict is not Verdict.OK] == [advice]
    own_shop.run(advice.remedy)
    assert {one.verdict for one in own_shop.door().examine()} == {Verdict.OK}


def test_it_says_when_its_role_may_not_read(own_shop: Shop) -> None:
    own_shop.run("REVOKE SELECT ON email_events FROM reader")
    (found,) = [one for one in own_shop.door().examine() if one.verdict is not Verdict.OK]
    assert found.says == "The role of url may not read public.email_events, which is events."
    assert found.remedy == 'GRANT SELECT ON "public"."email_events" TO …;  -- the role of url'


def test_it_says_so_when_nothing_is_mapped_or_nothing_answers(shop: Shop) -> None:
    (found,) = ApplicationDatabase(url=shop.stage.url("reader")).examine()
    assert found.verdict is Verdict.UNKNOWN
    (found,) = ApplicationDatabase(url=shop.stage.url("reader", "wrong")).examine()
    assert found.verdict is Verdict.BAD


def test_no_name_and_no_value_becomes_sql(own_shop: Shop) -> None:
    quoted = HOSTILE.replace('"', '""')
    own_shop.run(f'ALTER TABLE email_sends RENAME TO "{quoted}"')
    own_shop.run(f'ALTER TABLE "{quoted}" RENAME COLUMN scheduled_send_time TO "{quoted}"')
    own_shop.run("DROP INDEX email_sends_updated_at_idx, email_sends_scheduled_send_time_idx")
    own_shop.run(f'ALTER TABLE "{quoted}" ALTER COLUMN send_status TYPE text')
    value = "'); DROP TABLE leads; --%s\\"
    escaped = value.replace("'", "''")
    own_shop.run(
        f"INSERT INTO \"{quoted}\" (send_status, \"{quoted}\") VALUES ('{escaped}', now() - interval '1 min')"  # noqa: S608
    )
    mapped = {"table": HOSTILE, "scheduled_for": HOSTILE, "statuses": {"queued": [value], "failed": ["failed"]}}
    assert own_shop.door("campaigns", sends=mapped).rows(DUE)[0]["due"] == 1

    # And where there is no such thing, it is an error, and nothing else.
    with pytest.raises(CannotLook, match="There is no table"):
        own_shop.door(sends={"table": "x" + HOSTILE}).rows(DUE)
    assert own_shop.run("SELECT count(*) FROM leads") == [(1000,)]


@pytest.mark.parametrize("name", ["", "x" * 64, "ü" * 32, "a\0b"])
def test_it_refuses_what_is_no_name(shop: Shop, name: str) -> None:
    with pytest.raises(ValidationError, match="as it stands in the catalog"):
        shop.door(sends={"table": name})


def test_it_refuses_a_value_that_means_two_things(shop: Shop) -> None:
    with pytest.raises(ValidationError, match="'sent' cannot mean both queued and failed"):
        shop.door(sends={"statuses": {"queued": ["sent"], "failed": ["error", "sent"]}})


def test_it_gives_up_when_a_table_is_locked(shop: Shop) -> None:
    door = ApplicationDatabase.model_validate({**shop.door().model_dump(by_alias=True), "statement_timeout_s": 0.4})
    with psycopg.connect(shop.stage.admin_url) as session:
        session.execute("LOCK TABLE email_sends")
        with pytest.raises(CannotLook) as told:
            door.rows(DUE)
    assert not isinstance(told.value, Refused)


def test_its_example_is_a_mapping_of_every_part_and_column() -> None:
    """What a person uncomments in environments.example.toml."""
    text = EXAMPLE.read_text(encoding="utf-8")
    head = "# [environments.production.systems.application]"
    lines = (head + text.partition(head)[2].partition("\n\n")[0]).splitlines()
    written = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines))
    table = written["environments"]["production"]["systems"]["application"]
    filled = dict.fromkeys(("url", "action_url"), "postgresql://a:b@host/database")
    door = ApplicationDatabase.model_validate({**table, **filled})
    for name, kind in MAPPING.items():
        part = door.parts[name]
        assert set(examined(part)) >= {column for column, value in kind.items() if isinstance(value, str)} - NO_COLUMNS
        assert set(type(part).model_fields) - {"schema_name"} <= {*table[name], "unit"}


def test_it_only_reads(shop: Shop) -> None:
    with pytest.raises(Refused, match="read-only"):
        shop.door().rows("DELETE FROM {leads}")

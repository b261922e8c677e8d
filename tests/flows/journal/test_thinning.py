"""Do old measurements become hours, and is nothing ever refused because its month has no part?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from alembic import command
from psycopg import errors
from pydantic import SecretStr

from flows.journal import JournalUnavailable
from flows.journal.migrate import migrate
from flows.journal.series import Series
from tasks.measurements.queries import MONTHS_AHEAD
from tasks.measurements.thinning import Thinning
from tasks.model import Refused, Verdict
from tests.conftest import Server
from tests.flows.journal.conftest import Roles, roles_on
from tests.flows.journal.graves import owner
from tests.flows.journal.test_series import LAG, write

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OLD = datetime(2026, 7, 1, tzinfo=UTC)


def parts(roles: Roles) -> dict[str, int]:
    with psycopg.connect(roles.owner_url) as session:
        named = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'incident.measurements'::regclass"
        return {
            str(name).removeprefix("incident.measurements_"): session.execute(f"TABLE {name}".encode()).rowcount
            for (name,) in session.execute(named).fetchall()
        }


def drop(session: psycopg.Connection[tuple[object, ...]], after: str) -> None:
    """The parts that end after this month."""
    named = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^measurements_to_' AND relname > %s"
    for (part,) in session.execute(named, [f"measurements_to_{after}"]).fetchall():
        session.execute(f"DROP TABLE incident.{part}".encode())


def by_month(roles: Roles) -> None:
    """As if it had been migrated before that summer."""
    with psycopg.connect(roles.owner_url) as session:
        drop(session, "")
        for ends in ("2026-07-01", "2026-08-01", "2026-09-01"):
            name = f"measurements_to_{ends[:7].replace('-', '_')}"
            begins = "MINVALUE" if ends == "2026-07-01" else f"'{int(ends[:4])}-{int(ends[5:7]) - 1:02}-01 00:00+00'"
            session.execute(
                f"CREATE TABLE incident.{name} PARTITION OF incident.measurements "
                f"FOR VALUES FROM ({begins}) TO ('{ends} 00:00+00')".encode()
            )
            session.execute(f"SELECT incident.guard_part('{name}')".encode())
        session.execute(MONTHS_AHEAD)


def thinned(roles: Roles, now: datetime = NOW) -> list[tuple[str, int, int]]:
    found = Thinning(SecretStr(roles.owner_url)).thin(now)
    return [(one.part.removeprefix("measurements_"), one.points, one.hours) for one in found]


def test_it_keeps_the_hours_of_what_it_drops(roles: Roles) -> None:
    by_month(roles)
    rows = [(OLD + n * 10 * MINUTE, float(n), "OK" if n < 6 else "BAD") for n in range(12)]
    series = write(roles, *rows, (OLD + HOUR, None, "UNKNOWN"), facts='{"waiting": 2, "who": "ada"}')
    write(roles, (NOW, 7.0, "OK"))
    asked = (LAG, OLD, OLD + 148 * DAY, 148 * 24)
    before = series.buckets(*asked)
    waiting = Series(environment="lab", check="check_lag", fact="waiting")

    assert thinned(roles) == [("to_2026_07", 0, 0), ("to_2026_08", 13, 4)]
    assert thinned(roles) == []
    assert series.buckets(*asked) == before
    assert [(one.lowest, one.average, one.highest, one.number) for one in before] == [
        (0.0, 2.5, 5.0, 6),
        (6.0, 8.5, 11.0, 6),
        (7.0, 7.0, 7.0, 1),
    ]
    assert [one.number for one in series.buckets(waiting, OLD, NOW, 148)] == [13]
    assert [one.verdict for one in series.points(LAG, OLD, NOW + DAY)] == [Verdict.OK]
    with psycopg.connect(roles.runner_url) as session:
        told = session.execute("SELECT ok, warn, unknown, bad FROM incident.hours WHERE fact = '' ORDER BY at")
        assert told.fetchall() == [(6, 0, 0, 0), (0, 0, 1, 6)]
        named = session.execute("SELECT DISTINCT fact, unit FROM incident.hours ORDER BY 1")
        assert named.fetchall() == [("", "s"), ("waiting", "")]


def test_it_averages_hours_by_their_numbers(roles: Roles) -> None:
    by_month(roles)
    series = write(roles, (OLD, 1.0, "OK"), *[(OLD + HOUR + n * MINUTE, 5.0, "OK") for n in range(3)])
    thinned(roles)
    [day] = series.buckets(LAG, OLD, OLD + DAY, 1)
    assert (day.lowest, day.average, day.highest, day.number) == (1.0, 4.0, 5.0, 4)


def test_it_drops_hours_after_two_years(roles: Roles) -> None:
    by_month(roles)
    write(roles, (OLD, 1.0, "OK"))
    thinned(roles)
    assert len(roles.journal().series.buckets(LAG, OLD, NOW, 10)) == 1
    thinned(roles, OLD + 731 * DAY)
    assert roles.journal().series.buckets(LAG, OLD, NOW, 10) == []


def test_it_keeps_ninety_days_point_by_point(roles: Roles) -> None:
    by_month(roles)
    august = datetime(2026, 8, 31, 23, 59, tzinfo=UTC)
    write(roles, (august, 1.0, "OK"))
    assert ("to_2026_09", 1, 1) not in thinned(roles, datetime(2026, 11, 29, 23, tzinfo=UTC))
    assert thinned(roles, datetime(2026, 11, 30, tzinfo=UTC)) == [("to_2026_09", 1, 1)]


def test_it_thins_for_the_owner_only(roles: Roles) -> None:
    by_month(roles)
    write(roles, (OLD, 1.0, "OK"))
    with pytest.raises(Refused, match=f"{roles.runner} may thin nothing: only the owner"):
        list(Thinning(SecretStr(roles.runner_url)).thin(NOW))
    with pytest.raises(Refused, match="kept 31 days at least"):
        list(Thinning(SecretStr(roles.owner_url), DAY).thin(NOW))
    assert parts(roles)["to_2026_08"] == 1


@pytest.mark.parametrize("who", ["runner_url", "owner_url", "admin_url"])
@pytest.mark.parametrize("table", ["measurements_rest", "measurements_to_{now}", "measurements_to_{ahead}", "hours"])
@pytest.mark.parametrize(
    "verb", ["UPDATE incident.{} SET unit = 'x'", "DELETE FROM incident.{}", "TRUNCATE incident.{}"]
)
def test_it_lets_nobody_change_a_part(roles: Roles, who: str, table: str, verb: str) -> None:
    now = datetime.now(UTC)
    moments = {"now": now, "ahead": now + 40 * DAY}
    ends = {name: (at.replace(day=1) + 32 * DAY).strftime("%Y_%m") for name, at in moments.items()}
    write(roles, *[(at, 1.0, "OK") for at in (*moments.values(), now + 3000 * DAY)])
    with psycopg.connect(roles.owner_url) as session:
        session.execute("INSERT INTO incident.hours VALUES ('e', 'c', '', now(), 1, 1, 1, 1, 's', 1, 0, 0, 0)")
    with (
        psycopg.connect(getattr(roles, who)) as session,
        pytest.raises((errors.RestrictViolation, errors.InsufficientPrivilege)) as refused,
    ):
        session.execute(verb.format(table.format(**ends)).encode())
    assert isinstance(refused.value, errors.InsufficientPrivilege) == (who == "runner_url")


@pytest.mark.parametrize("call", ["incident.add_months(now() + interval '9 years')", "incident.guard_part('hours')"])
def test_it_lets_the_running_role_make_no_parts(roles: Roles, call: str) -> None:
    with psycopg.connect(roles.runner_url) as session, pytest.raises(errors.InsufficientPrivilege):
        session.execute(f"SELECT {call}".encode())


def test_it_takes_what_no_part_is_there_for_and_makes_one_of_it(roles: Roles) -> None:
    """As after a year in which nobody started the stack again, or thinned."""
    by_month(roles)
    with psycopg.connect(roles.owner_url) as session:
        drop(session, "2026_09")
    series = write(
        roles, (datetime(2026, 9, 3, tzinfo=UTC), 1.0, "OK"), (datetime(2026, 10, 31, 23, tzinfo=UTC), 2.0, "OK")
    )
    assert parts(roles)["rest"] == 2
    migrate(roles.owner_url, roles.runner)
    found = parts(roles)
    assert (found["rest"], found["to_2026_11"], "to_2026_10" in found, "to_2027_06" in found) == (0, 2, False, True)
    assert len(series.points(LAG, OLD, NOW)) == 2
    with psycopg.connect(roles.owner_url) as session, pytest.raises(errors.RestrictViolation):
        session.execute("UPDATE incident.measurements_to_2026_11 SET value = 0")


def test_it_starts_beside_a_backup(roles: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which reads all tables for hours, so that no part can be added."""
    by_month(roles)
    with psycopg.connect(roles.owner_url) as session:
        drop(session, "2026_09")
    monkeypatch.setattr("flows.journal.migrate.WAIT_FOR_TABLE", "100ms")
    with psycopg.connect(roles.owner_url) as backup:
        backup.execute("LOCK TABLE incident.measurements IN ACCESS SHARE MODE")
        migrate(roles.owner_url, roles.runner)
        assert "to_2026_12" not in parts(roles)
        write(roles, (NOW, 1.0, "OK"))
    migrate(roles.owner_url, roles.runner)
    assert (parts(roles)["to_2026_12"], parts(roles)["rest"]) == (1, 0)


def test_it_gives_the_owner_what_a_superuser_made(roles: Roles) -> None:
    by_month(roles)
    with psycopg.connect(roles.owner_url) as session:
        drop(session, "2026_09")
    migrate(roles.admin_url, roles.runner)
    write(roles, (NOW, 1.0, "OK"))
    later = thinned(roles, datetime(2027, 3, 1, tzinfo=UTC))
    assert ("to_2026_12", 1, 1) in later


def test_it_lives_with_moments_of_no_sense(roles: Roles) -> None:
    """A clock that stood wrong for a moment: neither a migration nor a look is refused for it."""
    series = write(roles, (datetime(2099, 1, 1, tzinfo=UTC), 1.0, "OK"))
    before = parts(roles)
    migrate(roles.owner_url, roles.runner)
    assert (parts(roles), before["rest"]) == (before, 1)
    assert roles.journal().earlier("lab", ["check_lag"]) == {}
    by_month(roles)
    write(roles, (NOW, 2.0, "OK"))
    assert len(series.points(LAG, NOW, NOW + DAY)) == 1


def test_it_thins_what_was_written_into_a_dropped_month(roles: Roles) -> None:
    by_month(roles)
    thinned(roles)
    series = write(roles, (OLD, 1.0, "OK"))
    assert parts(roles)["rest"] == 1
    assert thinned(roles) == [("rest", 1, 1)]
    assert (parts(roles)["rest"], len(series.buckets(LAG, OLD, NOW, 10))) == (0, 1)


def test_it_keeps_what_was_measured_before_the_migration(empty: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade = command.upgrade
    with monkeypatch.context() as before:
        before.setattr(command, "upgrade", lambda config, _: upgrade(config, "v6"))
        before.setattr("flows.journal.migrate.TABLES", ("entries", "measurements"))
        before.setattr("flows.journal.migrate.MONTHS_AHEAD", "SELECT 1")
        migrate(empty.owner_url, empty.runner)
    now = datetime.now(UTC)
    write(empty, (now - 400 * DAY, 1.0, "OK"), (now - HOUR, 2.0, "WARN"), facts='{"n": 1}')
    migrate(empty.owner_url, empty.runner)
    series = empty.journal().series
    assert [(one.value, one.verdict) for one in series.points(LAG, now - 500 * DAY, now)] == [
        (1.0, Verdict.OK),
        (2.0, Verdict.WARN),
    ]
    assert empty.journal().earlier("lab", ["check_lag"])["check_lag"].facts == {"n": 1}
    write(empty, (now, None, "BAD"))
    assert owner(empty).retention.remove_measurements(f"{now - 31 * DAY:%Y-%m-%dT%H:%M:%SZ}") == 1
    with pytest.raises(JournalUnavailable, match="of the last 30 days"):
        owner(empty).retention.remove_measurements(f"{now + DAY:%Y-%m-%dT%H:%M:%SZ}")


@pytest.fixture
def on_15(postgres15: Server) -> Iterator[Roles]:
    with roles_on(postgres15) as roles:
        yield roles


def test_it_thins_on_an_older_server(on_15: Roles) -> None:
    migrate(on_15.owner_url, on_15.runner)
    by_month(on_15)
    series = write(on_15, (OLD, 1.0, "OK"), (NOW, 2.0, "OK"), facts='{"n": 1}')
    assert thinned(on_15) == [("to_2026_07", 0, 0), ("to_2026_08", 1, 2)]
    assert [one.number for one in series.buckets(LAG, OLD, NOW + DAY, 2)] == [1, 1]
    assert (len(series.week(LAG, NOW + DAY, "UTC")), len(series.known())) == (1, 1)

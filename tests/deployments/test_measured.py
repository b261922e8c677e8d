"""`incident trend`, `thresholds suggest`, `watch backtest`, `slo`, `audit thin`: what numbers say, to a shell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from flows.journal.migrate import migrate
from tasks.config import Config
from tasks.toml import InvalidConfig
from tests.conftest import Server
from tests.deployments.terminal import Shell
from tests.flows.journal.conftest import Roles, roles_on
from tests.flows.journal.old import old_incident

SLUG, CHECK = "database/blocked-sessions", "check_blocked_sessions"
CONFIG = """
[environments.production]
kind = "production"
time_zone = "Europe/Berlin"

[environments.production.systems.postgres]
url = "${NOT_SET_HERE}"

[[environments.production.objectives]]
name = "nobody waits"
check = "check_blocked_sessions"
good = "value < 5"
target = 0.999
"""
# Six weeks, every five minutes: a second or two, by the hour of the day; and forty seconds on each of three nights.
MEASURED = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT 'production', 'check_blocked_sessions', at, value, 's', CASE WHEN value >= 30 THEN 'BAD' ELSE 'OK' END,
           json_build_object('waiting', 2)
      FROM (SELECT at, CASE WHEN at BETWEEN now() - interval '3 days' AND now() - interval '71 hours'
                              OR at BETWEEN now() - interval '10 days' AND now() - interval '239 hours' THEN 40.0
                            ELSE 1 + extract(hour FROM at) / 24 + random() / 10 END AS value
              FROM generate_series(now() - interval '42 days', now() - interval '1 minute', '5 minutes') AS at) AS made
"""


@pytest.fixture(scope="module")
def measured(postgres18: Server) -> Iterator[Roles]:
    with roles_on(postgres18) as found:
        migrate(found.owner_url, found.runner)
        with psycopg.connect(found.owner_url) as session:
            session.execute(MEASURED)
        yield found


@pytest.fixture
def shell(tmp_path: Path, measured: Roles, monkeypatch: pytest.MonkeyPatch) -> Shell:
    (tmp_path / "environments.toml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.setattr("tests.deployments.terminal.FOREIGN", ("PREFECT_", "NO_COLOR", "FORCE_COLOR", "COLUMNS"))
    monkeypatch.setenv("INCIDENT_JOURNAL_URL", measured.runner_url)
    monkeypatch.setenv("INCIDENT_CONFIG", str(tmp_path / "environments.toml"))
    monkeypatch.delenv("INCIDENT_JOURNAL_OWNER_URL", raising=False)
    return Shell(tmp_path / "home", tmp_path)


def test_it_shows_a_trend_and_draws_it(shell: Shell, tmp_path: Path) -> None:
    listed = shell("trend")
    assert re.search(rf"{CHECK}\s+production\s+\S+ \S+\s+waiting", listed.stdout), listed.stdout + listed.stderr
    shown = shell("trend", CHECK, "--environment", "production", "--svg", "trend.svg")
    assert shown.returncode == 0, shown.stderr
    assert f"series  {CHECK} in production" in shown.stdout
    assert re.search(r"range  1(\.\d+)? s to 40 s, [\d.]+ s on the average of 8,6\d\d numbers", shown.stdout)
    assert re.search(r"last  [\d.]+ s on \w{3} \d+ \w{3} at \d\d:\d\d, as usual \([\d.]+ to [\d.]+ s\)", shown.stdout)
    assert re.search(r"limit  waited: warn \d+ s, bad \d+ s", shown.stdout)
    assert "▁" in shown.stdout
    assert "█" in shown.stdout
    drawn = (tmp_path / "trend.svg").read_text(encoding="utf-8")
    assert "usual at this hour of the week" in drawn
    told = shell.json("trend", CHECK, "--environment", "production", "--days", "7")
    assert (told["unit"], told["usual"]["weeks"] >= 4, len(told["buckets"]) > 600) == ("s", True, True)
    assert told["limits"]["waited"]["bad"] > told["limits"]["waited"]["warn"]
    fact = shell.json("trend", CHECK, "--environment", "production", "--fact", "waiting")
    assert (fact["unit"], fact["buckets"][0]["average"], fact["limits"]) == ("", 2.0, {})


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (
            ("trend", "check_blocked_session", "--environment", "production"),
            2,
            "Did you mean 'check_blocked_sessions'?",
        ),
        (("trend", CHECK, "--environment", "prodction"), 2, "Did you mean 'production'?"),
        (("trend", CHECK), 2, "Where? Name it by --environment"),
        (("trend", CHECK, "--environment", "production", "--days", "731"), 2, "write a number from 1 to 730"),
        (("trend", "check_deadlocks", "--environment", "production"), 1, "nothing was measured in these 30 days"),
        (("thresholds", "suggest", CHECK, "--environment", "production", "--limit", "wait"), 2, "no limit 'wait'"),
        (("audit", "thin"), 1, "INCIDENT_JOURNAL_OWNER_URL is not set"),
    ],
)
def test_it_says_what_is_wrong(shell: Shell, arguments: tuple[str, ...], code: int, says: str) -> None:
    said = shell(*arguments)
    assert (said.returncode, says in said.stderr.replace("\n", " ")) == (code, True), said.stderr


def test_it_suggests_a_limit_that_can_be_pasted(shell: Shell, tmp_path: Path) -> None:
    said = shell("thresholds", "suggest", CHECK, "--environment", "production")
    assert said.returncode == 0, said.stderr
    head, _, lines = said.stdout.partition("\n\n")
    assert "numbers of 42 days" in head
    assert "would have warned in" in head
    override = tomllib.loads(lines)["environments"]["production"]["thresholds"][CHECK]
    assert list(override) == ["waited"]
    config = tmp_path / "environments.toml"
    config.write_text(CONFIG + lines, encoding="utf-8")
    with pytest.raises(InvalidConfig, match="`because` is empty"):
        Config.load(config).measured("production")
    reasoned = lines.replace('because = ""', 'because = "Owner: the team. A page then takes as long."')
    config.write_text(CONFIG + reasoned, encoding="utf-8")
    place = Config.load(config).measured("production")
    assert place.thresholds[CHECK]["waited"].warn < place.thresholds[CHECK]["waited"].bad
    # And from then on it is the limit there.
    told = shell.json("thresholds", "suggest", CHECK, "--environment", "production")
    assert told["suggested"] == {side: override["waited"][side] for side in ("warn", "bad")}
    assert (told["limit"], told["numbers"] > 12_000) == ("waited", True)
    little = shell("thresholds", "suggest", "check_deadlocks", "--environment", "production")
    assert (little.returncode, "are too few to suggest a limit" in little.stderr) == (1, True), little.stderr


def test_it_tests_a_watch_in_hindsight(shell: Shell, measured: Roles) -> None:
    now = datetime.now(UTC)
    opened = now - timedelta(days=3) + timedelta(minutes=30)
    body = {"title": "t", "runbook": SLUG, "environment": "production", "severity": "P1"}
    old_incident(measured, "inc-caught", at=f"{opened:%Y-%m-%dT%H:%M:%S}.{{:06}}Z", opened=body)
    [told] = [one for one in shell.json("watch", "backtest", SLUG, "--environment", "production") if one["answers"]]
    assert (told["check"], told["limit"]) == (CHECK, "waited")
    found = told["found"]
    assert (len(found["alarms"]), len(found["false"]), found["missed"]) == (2, 1, [])
    [caught] = found["caught"]
    assert caught["incident"] == "inc-caught"
    assert 25 * 60 <= caught["earlier_s"] <= 32 * 60
    shown = shell("watch", "backtest", SLUG, "--environment", "production")
    assert "2, of which 1 in vain (0.2 a week)" in shown.stdout, shown.stderr
    assert "1 of 1 incidents of this runbook" in shown.stdout
    assert re.search(r"inc-caug\s+[23]\d min before it was opened", shown.stdout)
    # On the picture it is marked, too.
    assert [one["incident"] for one in shell.json("trend", CHECK, "--environment", "production")["incidents"]] == [
        "inc-caught"
    ]


def test_it_tells_where_an_objective_stands(shell: Shell, tmp_path: Path) -> None:
    said = shell("slo", "--environment", "production")
    assert said.returncode == 1
    assert re.search(
        r"WARN  nobody waits: 99\.\d+ % good \(99\.9 % of 30 days are promised\); "
        r"the budget of 43 min is overspent by [789]\d min; burns 0\.0× over 1 h \(BAD from 14\.4×\)",
        said.stdout,
    ), said.stdout
    [told] = shell.json("slo", "--environment", "production")
    assert (told["verdict"], told["target"], told["good"], round(told["budget_s"])) == (
        "WARN",
        0.999,
        "value < 5",
        2592,
    )
    assert [burn["from"] for burn in told["burns"]] == [14.4, 6.0]
    (tmp_path / "environments.toml").write_text('[environments.production]\nkind = "production"\n', encoding="utf-8")
    none = shell("slo", "--environment", "production")
    assert (none.returncode, "production has no objectives." in none.stdout) == (0, True)
    tomllib.loads(none.stdout.partition("\n")[2])


def test_it_thins_for_the_owner(shell: Shell, measured: Roles) -> None:
    owner = {"INCIDENT_JOURNAL_OWNER_URL": measured.owner_url}
    assert shell("audit", "thin", **owner).stdout == "No month is old enough to be thinned.\n"
    assert shell("audit", "thin", "--yes", **owner).stdout == "No month is old enough to be thinned.\n"
    runner = shell("audit", "thin", "--yes", INCIDENT_JOURNAL_OWNER_URL=measured.runner_url)
    assert (runner.returncode, f"{measured.runner} may thin nothing" in runner.stderr) == (1, True), runner.stderr
    short = shell("audit", "thin", "--yes", "--points", "7d", **owner)
    assert (short.returncode, "kept 31 days at least" in short.stderr) == (1, True), short.stderr

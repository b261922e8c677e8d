"""The series as Prometheus reads them, and Grafana's dashboard over them: each of its questions is asked for real."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

import deployments
from deployments.ports import free_port
from flows.journal import newest
from flows.told.dashboards import Dashboard
from tasks.model import Finding, Verdict
from tests.conftest import needs
from tests.deployments.intake.conftest import CONFIG, SECRET, Served
from tests.flows.journal.conftest import Roles

WITH_METRICS = f'[alerts]\nmetrics_secret = "{SECRET}"\n{CONFIG}'
BEARER = {"authorization": f"Bearer {SECRET}"}
GRAFANA = Path(deployments.__file__).parent / "grafana" / "incident-pipelines.json"
# A check of each dashboard, in each of the units that have a panel of their own.
MEASURED = {
    "check_website_certificates": Finding(verdict=Verdict.WARN, says="", value=86_400.0, unit="s"),
    "check_website_answers": Finding(verdict=Verdict.BAD, says=""),
    "check_website_pace": Finding(verdict=Verdict.OK, says="", value=0.25, unit="s"),
    "check_bounces_by_kind": Finding(verdict=Verdict.OK, says="", value=0.01, unit="ratio"),
    "check_database_size": Finding(verdict=Verdict.OK, says="", value=3e9, unit="bytes"),
    "check_connection_slots": Finding(verdict=Verdict.UNKNOWN, says="", value=41.0, unit="connections"),
}


@pytest.fixture
def told(serve: Callable[..., Served]) -> Served:
    served = serve(text=WITH_METRICS)
    served.journal.measure("production", None, MEASURED)
    return served


def read(served: Served) -> dict[tuple[str, str], tuple[dict[str, str], float]]:
    answer = httpx.get(f"{served.url}/metrics/series", headers=BEARER, trust_env=False)
    assert answer.status_code == 200
    return {
        (sample.name, sample.labels["check"]): (sample.labels, sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_it_tells_the_newest_answer_of_every_check(told: Served) -> None:
    told.journal.measure("production", None, {"check_website_pace": Finding(verdict=Verdict.BAD, says="")})
    found = read(told)
    labels = {"environment": "production", "check": "check_website_pace", "dashboard": "performance"}
    # The last number, and the verdict of the look that found none.
    assert found["incident_check_value", "check_website_pace"] == ({**labels, "unit": "s"}, 0.25)
    assert found["incident_check_verdict", "check_website_pace"] == (labels, 3.0)
    assert 0 <= found["incident_check_age_seconds", "check_website_pace"][1] < 60
    assert ("incident_check_value", "check_website_answers") not in found
    assert found["incident_check_verdict", "check_website_answers"][1] == 3.0
    assert {key[1] for key in found} == {*MEASURED}


def test_it_is_for_whoever_has_the_secret(told: Served) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": SECRET[:-1]}):
        answer = httpx.get(f"{told.url}/metrics/series", headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()) == (401, {"detail": "refused"})


def test_without_a_secret_nobody_has_it(serve: Callable[..., Served]) -> None:
    served = serve()
    assert httpx.get(f"{served.url}/metrics/series", headers=BEARER, trust_env=False).status_code == 401


def test_it_says_nothing_while_the_database_does_not_answer(serve: Callable[..., Served], roles: Roles) -> None:
    served = serve(url=f"postgresql://nobody@127.0.0.1:{free_port()}/none", text=WITH_METRICS)
    answer = httpx.get(f"{served.url}/metrics/series", headers=BEARER, trust_env=False, timeout=30)
    assert answer.status_code == 503
    # Its own figures it has all the same.
    assert httpx.get(f"{served.url}/metrics", headers=BEARER, trust_env=False, timeout=30).status_code == 200


def test_a_hostile_name_stays_one_label(told: Served) -> None:
    hostile = 'check_"} 1\\nincident_check_verdict{check="made_up'
    told.journal.measure(hostile, None, {hostile: Finding(verdict=Verdict.OK, says="", value=1.0, unit='"\n{}\\')})
    labels, value = read(told)["incident_check_value", hostile]
    assert (labels["environment"], labels["unit"], labels["dashboard"], value) == (hostile, '"\n{}\\', "health", 1.0)
    assert "made_up" not in {check for _, check in read(told)}


def test_there_are_never_more_than_a_monitor_can_keep(
    told: Served, roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(roles.runner_url, autocommit=True) as session:
        everything = newest.newest(session)
        assert [one.check for one in everything] == sorted(MEASURED)
        monkeypatch.setattr(newest, "_NEWEST", newest._NEWEST.replace(f"LIMIT {newest.MOST}", "LIMIT 2"))
        assert [one.check for one in newest.newest(session)] == sorted(MEASURED)[:2]


def test_it_is_read_fast_after_a_year(told: Served, roles: Roles) -> None:
    year = """
        INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
        SELECT 'production', 'check_' || n, at, CASE WHEN n > 2 THEN 1 END, 's', 'OK', '{}'
          FROM generate_series(1, 5) AS n, generate_series(now() - interval '1 year', now(), '10 minutes') AS at
    """
    with psycopg.connect(roles.owner_url, autocommit=True) as owner:
        owner.execute(year)
        owner.execute("VACUUM ANALYZE incident.measurements")
        plan = str(owner.execute(b"EXPLAIN (ANALYZE, FORMAT JSON) " + newest._NEWEST.encode()).fetchall())
    read_rows = sum(int(rows) for rows in re.findall(r"'Actual Rows': ([\d]+)", plan))
    assert read_rows < 2_000


@pytest.fixture
def prometheus(told: Served, tmp_path: Path) -> Iterator[httpx.Client]:
    """A real one that reads both addresses every second."""
    program, port = needs("prometheus"), free_port()
    target = told.url.removeprefix("http://")
    jobs = "".join(
        f"  - job_name: {name}\n    metrics_path: {path}\n    authorization: {{credentials: '{SECRET}'}}\n"
        f"    static_configs: [{{targets: ['{target}']}}]\n"
        for name, path in (("intake", "/metrics"), ("series", "/metrics/series"))
    )
    config = tmp_path / "prometheus.yml"
    config.write_text(f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{jobs}")
    address = f"127.0.0.1:{port}"
    data = tmp_path / "prometheus"
    with (tmp_path / "prometheus.log").open("w") as log:
        arguments = [f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}"]
        running = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=10) as client:
                _until_read(client, running)
                yield client
        finally:
            running.terminate()
            running.wait(60)


def _until_read(client: httpx.Client, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and running.poll() is None:
        try:
            # Twice, for what is counted over time takes two readings.
            found = client.get("/api/v1/query", params={"query": "min(count_over_time(up[1m]) * up)"}).json()
            if found["data"]["result"] and float(found["data"]["result"][0]["value"][1]) >= 3:
                both = client.get("/api/v1/query", params={"query": "count(up == 1)"}).json()["data"]["result"]
                if float(both[0]["value"][1]) == 2:
                    return
        except (httpx.HTTPError, KeyError):
            pass
        time.sleep(0.3)
    pytest.fail("Prometheus did not read both addresses")


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(GRAFANA.read_text())["panels"]
    return found


def asked(expression: str, dashboard: str) -> str:
    """As Grafana fills it in."""
    filled = {"$environment": ".*", "$dashboard": dashboard, "$__rate_interval": "1m"}
    for name, value in filled.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


def test_every_question_of_the_dashboard_is_answered(told: Served, prometheus: httpx.Client) -> None:
    empty: set[tuple[str, str]] = set()
    for dashboard, panel in itertools.product(Dashboard, panels()):
        for target in panel.get("targets", ()):
            query = asked(target["expr"], dashboard.value.lower())
            answer = prometheus.get("/api/v1/query", params={"query": query}).json()
            assert answer["status"] == "success", (query, answer)
            found = answer["data"]["result"]
            if not found:
                empty.add((panel["title"], dashboard.value))
            for name in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert all(one["metric"].get(name) for one in found), (query, name)
    # Of the rest there is none: what was measured has one unit for each.
    boards = {"Times": {"Health", "Performance"}, "Shares": {"Business"}}
    boards |= {"Sizes": {"Infrastructure"}, "Counts and rates": {"Infrastructure"}}
    assert empty == {
        (title, one.value) for title, there in boards.items() for one in Dashboard if one.value not in there
    }
    worst = prometheus.get("/api/v1/query", params={"query": asked(panels()[1]["targets"][0]["expr"], "")}).json()
    assert worst["data"]["result"][0]["value"][1] == "3"
    values = prometheus.get("/api/v1/label/dashboard/values").json()["data"]
    assert set(values) == {one.value.lower() for one in Dashboard}


def test_the_dashboard_is_one_that_grafana_can_lay_out() -> None:
    told = json.loads(GRAFANA.read_text())
    variables = {one["name"]: one for one in told["templating"]["list"]}
    assert list(variables) == ["datasource", "environment", "dashboard"]
    assert variables["dashboard"]["query"] == ",".join(one.value.lower() for one in Dashboard)
    assert len({panel["id"] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = set(
            itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"]))
        )
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            used = {*re.findall(r"\$(\w+)", target["expr"])} - {"__rate_interval"}
            assert used <= {*variables}


def test_what_was_long_ago_says_how_long(told: Served, roles: Roles) -> None:
    at = datetime.now(UTC) - timedelta(days=3)
    with psycopg.connect(roles.runner_url) as session:
        session.execute(
            "INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts) "
            "VALUES ('production', 'check_old', %s, 1, 's', 'OK', '{}')",
            [at],
        )
    assert read(told)["incident_check_age_seconds", "check_old"][1] == pytest.approx(3 * 86_400, abs=120)

"""incident alerts, why and test: as people type them, against a real service and journal."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from deployments import cli
from deployments.ports import free_port
from tests.deployments.intake import said
from tests.deployments.intake.conftest import CONFIG, Served
from tests.flows.journal.conftest import Roles


@pytest.fixture
def typed(roles: Roles, serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> Served:
    served = serve()
    port = int(served.url.rpartition(":")[2])
    served.config.file.write_text(f"[alerts]\nport = {port}\n{CONFIG}")
    monkeypatch.setenv("INCIDENT_CONFIG", str(served.config.file))
    monkeypatch.setenv("INCIDENT_JOURNAL_URL", roles.runner_url)
    monkeypatch.delenv("INCIDENT_LAB_ENVIRONMENT", raising=False)
    return served


def test_it_lists_what_came_in(typed: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome(["alerts"]) == 0
    assert "No alert has come in. `incident alerts test SOURCE` sends one." in capsys.readouterr().out
    typed.send("alertmanager", said.group(said.prometheus(), said.prometheus("Odd", fingerprint="x")))
    assert cli.outcome(["alerts", "--json"]) == 0
    newest, first = json.loads(capsys.readouterr().out)
    assert (first["title"], first["runbook"]) == ("PostgresDown: It is down", "database/connections-exhausted")
    assert (newest["runbook"], newest["opening"]) == ("", None)


def test_it_says_which_rule_decided_and_what_the_others_lack(typed: Served, capsys: pytest.CaptureFixture[str]) -> None:
    body = said.encoded(said.sentry_issue())
    typed.post("sentry", body, said.signed(body))
    assert cli.outcome(["alerts", "why", "1"]) == 0
    lines = " ".join(capsys.readouterr().out.split())
    assert "Rule: source = 'sentry', title = 'OperationalError' → database/connections-exhausted" in lines
    assert "→ database/connections-exhausted: fits" in lines
    assert "→ database/slow-queries: service is web, not reports" in lines
    assert cli.outcome(["alerts", "why", "99"]) == 1


@pytest.mark.parametrize("source", ["sentry", "betterstack", "alertmanager", "backup"])
def test_it_sends_a_sample_by_the_real_way(typed: Served, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome(["alerts", "test", source]) == 0
    assert "Alert 1 was taken and " in " ".join(capsys.readouterr().out.split())
    assert typed.journal.alerts.newest()[0].source == source


def test_it_says_what_to_do_where_it_cannot_send(typed: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome(["alerts", "test", "nobody"]) == 2
    assert "Known: sentry, betterstack, alertmanager, backup." in " ".join(capsys.readouterr().err.split())
    typed.config.file.write_text(f"[alerts]\nport = {free_port()}\n{CONFIG}")
    assert cli.outcome(["alerts", "test", "sentry"]) == 1
    assert "Nobody takes alerts at 127.0.0.1:" in " ".join(capsys.readouterr().err.split())

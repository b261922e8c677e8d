"""incident alerts, why, test, snooze and replay: as people type them, against a real service and journal."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from deployments import cli
from deployments.ports import free_port
from tests.deployments.intake import said
from tests.deployments.intake.conftest import CONFIG, SOURCES, Served
from tests.flows.hostile import HOSTILE
from tests.flows.journal.conftest import Roles


@pytest.fixture
def typed(roles: Roles, serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> Served:
    served = serve()
    port = int(served.url.rpartition(":")[2])
    served.config.file.write_text(f"[alerts]\nport = {port}\n{CONFIG}")
    monkeypatch.setenv("INCIDENT_CONFIG", str(served.config.file))
    monkeypatch.setenv("INCIDENT_JOURNAL_URL", roles.runner_url)
    for name in ("INCIDENT_LAB_ENVIRONMENT", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
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


@pytest.mark.parametrize("source", ["sentry", "sentry-legacy"])
def test_it_sends_a_sample_by_the_real_way(typed: Served, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome(["alerts", "test", source]) == 0
    assert "Alert 1 was taken and " in " ".join(capsys.readouterr().out.split())
    over, begun = typed.journal.alerts.newest()
    assert (over.source, over.state, begun.state, over.opening) == (source, "resolved", "firing", begun.opening)


def test_no_alert_steers_the_terminal_of_who_reads_it(typed: Served, capsys: pytest.CaptureFixture[str]) -> None:
    for text in HOSTILE:
        alert = said.prometheus(fingerprint=text)
        alert["annotations"]["summary"] = text
        alert["labels"] |= {"alertname": text, "job": text, "env": text}
        assert typed.send("alertmanager", said.group(alert)).status_code == 200
    shown = []
    for arguments in (["alerts"], *(["alerts", "why", str(n + 1)] for n in range(len(HOSTILE)))):
        assert cli.outcome(arguments) == 0
        shown.append(capsys.readouterr().out)
    steering = {c for text in shown for c in text if not c.isprintable() and c not in "\n\t"}
    assert steering == set()


def test_it_says_what_to_do_where_it_cannot_send(typed: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.outcome(["alerts", "test", "nobody"]) == 2
    assert f"Known: {', '.join(SOURCES)}." in " ".join(capsys.readouterr().err.split())
    typed.config.file.write_text(f"[alerts]\nport = {free_port()}\n{CONFIG}")
    assert cli.outcome(["alerts", "test", "sentry"]) == 1
    assert "Nobody takes alerts at http://127.0.0.1:" in " ".join(capsys.readouterr().err.split())


def test_it_holds_back_what_a_person_says_and_takes_it_again_when_they_ask(
    typed: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = said.prometheus()
    quiet["labels"]["severity"] = "warning"
    typed.send("alertmanager", said.group(quiet | {"status": "resolved"}))
    assert cli.outcome(["alerts", "snooze", "1", "--hold", "2h", "--reason", "a deploy", "--name", "ana"]) == 0
    assert "Held back until" in capsys.readouterr().out
    typed.send("alertmanager", said.group(quiet))
    assert typed.journal.alerts.newest(1)[0].opening is None
    assert cli.outcome(["alerts"]) == 0
    assert "held back" in capsys.readouterr().out
    assert cli.outcome(["alerts", "replay", "2", "--name", "ana"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out == "Alert 2 is alert 3 now, and opens an incident of database/connections-exhausted."
    assert typed.journal.alerts.newest(1)[0].why.startswith("Alert 2 again, asked for by ana.")


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (["replay", "99"], 1, "There is no alert 99."),
        (["replay", "1"], 1, "Nobody claims alert 1:"),
        (["replay", "2"], 1, "Alert 2 says that it is over"),
        (["snooze", "99", "--hold", "1h", "--reason", "x"], 1, "There is no alert 99."),
        (["snooze", "--hold", "1h", "--reason", "x"], 2, "Say what is to be held back"),
        (["snooze", "1", "--hold", "99d", "--reason", "x"], 2, "7 days at most"),
        (["snooze", "--environment", "stagin", "--hold", "1h", "--reason", "x"], 2, "no environment"),
    ],
)
def test_it_says_what_is_wrong_with_what_was_typed(
    typed: Served, command: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for status in ("firing", "resolved"):
        typed.send("alertmanager", said.group(said.prometheus("Odd", status=status, fingerprint="x")))
    assert cli.outcome(["alerts", *command]) == code
    assert says in " ".join(capsys.readouterr().err.split())

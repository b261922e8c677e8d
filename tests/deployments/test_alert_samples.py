"""The lab's monitoring: a source of every kind sends its sample by the real way to an incident, which is withdrawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

import deployments.lab
from deployments import private_file
from deployments.commands.alert_sample import listening, through
from deployments.commands.playground import playground
from deployments.intake import settings
from deployments.lab import alerts as labs
from deployments.progress import quiet
from deployments.stack import Stack
from flows.journal import Journal
from tests.deployments.terminal import Shell
from tests.left_out import STRICT

OVER = ("cancelled", "not reproduced")
# By a signature, by a header, by the path: how a sender can prove who it is. CI sends all there are.
ONE_OF_EACH = ("sentry", "alertmanager", "sentry-legacy")


def assert_withdrawn(became: dict[str, object], journal: Journal, kind: str) -> None:
    assert (became["source"], became["runbook"], became["environment"]) == (labs.name(kind), labs.RUNBOOK, "lab")
    assert (became["joined"], became["withdrawn"], became["verdict"] in OVER) == (False, True, True)
    entries = journal.read(str(became["incident"]))
    assert (entries[0].kind, entries[0].actor) == ("opened", f"alert:{labs.name(kind)}")
    assert "Withdrawn: it was a sample." in " ".join(str(entry.body.get("says")) for entry in entries)
    over, begun = journal.alerts.newest(2)
    assert (begun.alert, over.state, over.opening) == (became["alert"], "resolved", became["opening"])


def test_each_kind_of_source_goes_all_the_way_and_is_withdrawn(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    # What Prefect was told by the environment it has read by now.
    with temporary_settings({PREFECT_API_URL: stack.prefect_api_url}), playground(stack.home, quiet) as (at, _):
        listening(at)
        for kind in sorted(settings.kinds()) if STRICT else ONE_OF_EACH:
            capsys.readouterr()
            assert through(at, labs.name(kind), "lab", json=True) == 0
            assert_withdrawn(json.loads(capsys.readouterr().out), at.journal(), kind)
    assert deployments.lab.status(stack.home).up
    assert stack.takes_alerts
    # The older plugin's stands in the path.
    keys, log = private_file.read_json(stack.home.lab.state)["alerts"], stack.home.stack.log("intake").read_text()
    assert set(keys) == {*settings.kinds(), labs.STATUS}
    assert [kind for kind, key in keys.items() if key in log] == []


@pytest.mark.strict("All kinds have gone the same way; this one begins with nothing.")
def test_what_is_not_up_is_started_and_stopped_again(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home", tmp_path)
    became = shell.installed("alerts", "test", "sentry", "--environment", "lab", "--json")
    assert became.returncode == 0, became.stderr
    assert json.loads(became.stdout)["withdrawn"] is True
    assert shell("lab", "status").returncode == 1

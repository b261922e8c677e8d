"""Every drill of the catalog, lived through in the lab by the real server, worker and gate. New ones are among them."""

from __future__ import annotations

import json
import subprocess

import psycopg
import pytest

from deployments.cluster import SUPERUSER
from deployments.lab import Lab
from deployments.stack import Stack
from runbooks.catalog import Catalog, Catalogued
from tests.deployments.terminal import INCIDENT, Shell, environment

# Breaking, noticing, the gate, the step and the hold of every drill of one runbook, on a busy machine.
PATIENCE_S = 300.0
REHEARSED = [entry for entry in Catalog.load() if entry.runbook.drills]


@pytest.fixture(scope="module")
def shell(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An empty folder, with the session's stack and lab as its home, and everything published."""
    opened = Shell(stack.home.root, tmp_path_factory.mktemp("shell"))
    assert opened("publish").returncode == 0
    return opened


@pytest.fixture
def undisturbed(lab: Lab) -> None:
    """What earlier tests kept waiting for locks counts as slow for an hour, and is not this drill's fault."""
    with psycopg.connect(lab.url(SUPERUSER), autocommit=True) as session:
        session.execute("SELECT pg_stat_statements_reset()")


@pytest.mark.parametrize("entry", REHEARSED, ids=lambda entry: str(entry.slug))
def test_it_rehearses_and_reports_nothing_but_json(shell: Shell, undisturbed: None, entry: Catalogued) -> None:
    said = subprocess.run(
        [INCIDENT, "drill", entry.slug, "--json"],
        cwd=shell.folder,
        env=environment(shell.home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    results = json.loads(said.stdout or "[]")
    told = [shell("timeline", one["incident"]).stdout for one in results if not one["passed"]]
    assert said.returncode == 0, "\n".join([said.stdout, said.stderr, *told])
    assert [(one["fault"], one["noticed_by"], one["passed"]) for one in results] == [
        (drill.fault.title, drill.noticed_by.name, True) for drill in entry.runbook.drills
    ]

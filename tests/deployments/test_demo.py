"""`incident demo`: the product in one command. It ends with a verdict, or with Ctrl-C and nothing left behind."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

import deployments.lab
from deployments.home import Home
from deployments.stack import Stack
from flows.journal import Journal, Redactor
from tests.deployments.processes import using, wait_until
from tests.deployments.terminal import INCIDENT, PATIENCE_S, Shell, Terminal, environment, terminal

# What is copied stands whole on its line, however long.
COPIED = ("  SELECT", "  INCIDENT_HOME=", "Record:", "Post-mortem draft:", "A stack is up in")
WAITS = "or answer in another terminal:"


@pytest.fixture
def beside(stack: Stack, tmp_path: Path) -> Shell:
    """A shell in whose home the session's stack and lab are up."""
    return Shell(stack.home.root, tmp_path)


def incident_shown(demo: Terminal) -> str:
    """The id in the line that is to be copied into another terminal."""
    demo.wait_for(WAITS)
    demo.wait_for("incident approve")
    demo.wait_for("--name you")
    found = re.search(r"incident approve (\w{8}) --name you", demo.screen)
    assert found
    return found[1]


def assert_untouched(stack: Stack) -> None:
    assert Stack.find(stack.home) is not None
    assert deployments.lab.status(stack.home).up


def test_it_is_approved_from_another_terminal_and_leaves_what_was_up(beside: Shell, stack: Stack) -> None:
    with terminal(beside, "demo") as demo:
        incident = incident_shown(demo)
        approved = beside("approve", incident, "--decision", "approve", "--name", "you", "--note", "Go on.")
        assert approved.returncode == 0, approved.stderr
        assert demo.ended() == 0, demo.screen
    assert "A stack is up in" in demo.screen
    assert "Sessions wait for a lock in lab: fixed" in demo.screen
    paths = re.findall(r"^(?:Post-mortem draft|Record): +(\S+)$", demo.screen, re.MULTILINE)
    assert [Path(path).exists() for path in paths] == [True, True]
    wide = [line for line in demo.screen.splitlines() if len(line.rstrip()) > 80]
    assert [line for line in wide if not line.startswith(COPIED)] == []
    assert_untouched(stack)


@pytest.mark.strict("One more demo; the one that is approved is lived through.")
def test_it_ends_badly_when_it_is_rejected(beside: Shell, stack: Stack) -> None:
    with terminal(beside, "demo") as demo:
        incident = incident_shown(demo)
        assert beside("approve", incident, "--decision", "reject", "--name", "you").returncode == 0
        assert demo.ended() == 1
    assert_untouched(stack)


@pytest.mark.strict("One more demo; the one that is approved is lived through.")
def test_it_takes_its_incident_with_it_and_nothing_else(beside: Shell, stack: Stack) -> None:
    with terminal(beside, "demo") as demo:
        incident = incident_shown(demo)
        demo.press("C")
        assert demo.ended() == 130
    assert demo.screen.rstrip().endswith("Interrupted.")
    assert "Traceback" not in demo.screen
    assert_untouched(stack)
    journal = Journal(SecretStr(stack.journal_url), Redactor([]))
    whole = journal.find(incident)
    wait_until(lambda: journal.read(whole)[-1].body.get("verdict") == "cancelled", "its incident is closed", PATIENCE_S)


@pytest.mark.strict("One more demo; the one that is approved is lived through.")
def test_it_answers_by_itself_without_a_terminal_and_leaves_nothing(tmp_path: Path) -> None:
    """From nothing to `fixed`: the stack's first start, the lab's, the incident, and all of it gone again."""
    home = tmp_path / "home"
    said = subprocess.run(
        [INCIDENT, "demo"],
        cwd=tmp_path,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert (said.stderr, "Traceback" in said.stdout) == ("", False)
    assert "The lab's drill approver answers (no terminal, or AUTO=1)." in said.stdout
    assert re.search(r"^Fixed, \d+ s after the lab was broken\.$", said.stdout, re.MULTILINE)
    assert using(home) == {}
    assert Stack.find(Home(home)) is None
    _interrupt_everywhere(home, tmp_path)


def _interrupt_everywhere(home: Path, folder: Path) -> None:
    """The same home again, which starts in seconds: Ctrl-C while it starts, a closed terminal while it waits."""
    for stage, number in (
        ("Starting Prefect", signal.SIGINT),
        (WAITS, signal.SIGHUP),
    ):
        with terminal(Shell(home, folder), "demo") as demo:
            demo.wait_for(stage)
            demo.process.send_signal(number)
            assert demo.ended() == 130, demo.screen
        assert using(home) == {}, f"{number.name} at {stage!r}"

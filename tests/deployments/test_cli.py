"""`incident` by hand: what it says, in which words and width, and with which exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deployments.cli import app
from tests.deployments.terminal import Shell, terminal

TYPO = """
[environments.production]
kind = "production"
time_zon = "Europe/Berlin"
"""
SECRET = """
[environments.production]
kind = "production"

[environments.production.systems.postgres]
url = "${NOBODY_SET_THIS}"
"""
# Nothing listens on port 1.
NOWHERE = {
    "INCIDENT_JOURNAL_URL": "postgresql://runner:hunter2@127.0.0.1:1/incident",
    "PREFECT_API_URL": "http://127.0.0.1:1/api",
}
ROSTER = """
[environments.lab]
kind = "lab"
approvers.ana.roles = ["dba"]
"""
COMMANDS = sorted(name for name in app if not name.startswith("-"))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder in which nothing was ever started."""
    return Shell(tmp_path / "home", tmp_path)


def configured(shell: Shell, text: str) -> Shell:
    (shell.folder / "environments.toml").write_text(text)
    return shell


@pytest.mark.strict("A command a line, each a process; the first ones show the manner.", keeps=2)
@pytest.mark.parametrize("command", [["--help"], ["runbooks"], ["search", "hangs"], ["lab", "status"], ["timeline"]])
def test_it_does_not_wait_for_prefects_imports_where_it_needs_none(shell: Shell, command: list[str]) -> None:
    imported = shell.installed(*command, PYTHONPROFILEIMPORTTIME="1").stderr
    assert re.search(r"\| +deployments\.cli$", imported, re.MULTILINE)
    assert not re.search(r"\| +(prefect|sqlalchemy|alembic)$", imported, re.MULTILINE)


def test_it_shows_examples_that_can_be_copied(shell: Shell) -> None:
    said = shell("--help", COLUMNS="80").stdout.splitlines()
    examples = [line for line in said if line.startswith("incident ")]
    assert "incident run database/blocked-sessions --environment production --plan-only" in examples
    assert len(examples) >= 4
    assert {line.split()[1] for line in examples} <= set(COMMANDS)


@pytest.mark.strict("A command a line, each a process; the first ones show the manner.", keeps=4)
@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["lab", "up"], ["lab", "down"]])
def test_it_explains_every_command_on_eighty_columns(shell: Shell, command: list[str]) -> None:
    said = shell(*command, "--help", COLUMNS="80")
    assert said.returncode == 0
    assert max(map(len, said.stdout.splitlines())) <= 80
    assert "--no-" not in said.stdout


@pytest.mark.strict("A command a line, each a process; the first ones show the manner.", keeps=4)
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["frobnicate"], "Unknown command"),
        (["up", "--prot", "4200"], "Unknown option"),
        (["run", "database/blocked-sessions"], "--environment"),
        (["run", "databse/blocked-session", "--environment", "lab"], "Did you mean database/blocked-sessions"),
        (["run", "database/blocked-sessions", "--environment", "lab"], "`incident lab up` starts a lab and adds it."),
        (["show", "xyzzy"], "`incident runbooks` lists all of them."),
        (["doctor", "prod"], "no environment 'prod'"),
        (["run", "database/blocked-sessions", "--environment", "lab", "--set", "a=b"], "'a' is no parameter here."),
        (["run", "database/blocked-sessions", "--environment", "lab", "--set", "a"], "write NAME=VALUE"),
        (["run", "playbooks/tenant-export", "--environment", "lab"], "is missing: "),
        (["search"], "incident search"),
        (["timeline", "--live"], "Which incident?"),
        (["timeline", "abcd", "--json", "--post-mortem"], "leave out"),
        (["approve", "--json", "--decision", "approve"], "decides nothing"),
    ],
)
def test_it_tells_wrong_use_from_bad_news(shell: Shell, command: list[str], words: str) -> None:
    said = shell(*command)
    assert (said.returncode, said.stdout) == (2, "")
    assert words in said.stderr
    assert not shell.home.exists()


@pytest.mark.strict("A command a line, each a process; the first ones show the manner.", keeps=2)
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["timeline"], "No stack is up in"),
        (["approve"], "Start `incident up`"),
        (["publish"], "Start `incident up`"),
        (["lab", "status"], ""),
        (["search", "xyzzy"], ""),
    ],
)
def test_it_says_what_to_start(shell: Shell, command: list[str], words: str) -> None:
    said = shell(*command)
    assert said.returncode == 1
    assert words in said.stderr


def test_it_names_the_key_that_was_mistyped(shell: Shell) -> None:
    said = configured(shell, TYPO)("doctor", "production")
    assert said.returncode == 1
    assert "environments.production.time_zon: unknown key. Did you mean 'time_zone'?" in said.stdout


def test_it_names_the_secret_that_is_missing(shell: Shell) -> None:
    said = configured(shell, SECRET)("run", "database/blocked-sessions", "--environment", "production", "--plan-only")
    assert said.returncode == 1
    assert "the environment variable NOBODY_SET_THIS is not set" in said.stderr


def test_it_says_once_what_an_environment_does_not_have(shell: Shell) -> None:
    said = configured(shell, ROSTER)("run", "database/performance-degradation", "--environment", "lab", "--plan-only")
    assert [said.stdout.count(f"lab has no {kind} configured.") for kind in ("postgres", "host")] == [1, 1]


def test_it_rehearses_nothing_in_production(shell: Shell) -> None:
    production = configured(shell, '[environments.production]\nkind = "production"\n')
    said = production("drill", "database/blocked-sessions", "--environment", "production", **NOWHERE)
    assert said.returncode == 2
    assert said.stderr == (
        "LeaveTransactionOpen breaks things; production is production. "
        "Drills run in lab and staging environments only.\n"
    )


def test_it_says_that_the_journal_is_away_and_keeps_its_password(shell: Shell) -> None:
    said = shell("timeline", **NOWHERE)
    assert said.returncode == 1
    assert said.stderr.startswith(
        "The journal (database 'incident' on 127.0.0.1:1) does not answer: Connection refused"
    )
    assert "hunter2" not in said.stderr


def test_it_says_that_prefect_is_away(shell: Shell) -> None:
    said = shell("publish", **NOWHERE)
    assert said.returncode == 1
    assert said.stderr.startswith("Prefect does not answer at http://127.0.0.1:1/api")
    assert "Traceback" not in said.stderr


def test_it_gives_pipes_whole_lines_without_colour(shell: Shell) -> None:
    listed = shell("runbooks").stdout
    assert "\x1b" not in listed
    assert len(listed.splitlines()) == 1 + len(shell.json("runbooks"))
    page = shell("show", "database/blocked-sessions").stdout
    assert page.startswith("# Sessions wait for a lock\n")


def test_it_keeps_within_the_terminal_except_what_is_copied(shell: Shell) -> None:
    with terminal(shell, "show", "database/blocked-sessions") as shown:
        assert shown.ended() == 0
    wide = [line for line in shown.screen.splitlines() if len(line) > 80]
    # Two statements of the instructions, each whole on its line.
    assert [line.split()[0] for line in wide] == ["ALTER", "SELECT"]
    assert all(line.rstrip().endswith(";") for line in wide)


def test_it_finds_by_words(shell: Shell) -> None:
    hits = shell.json("search", "the site hangs")
    assert hits[0]["slug"] == "database/blocked-sessions"
    assert shell("search", "the", "site", "hangs").returncode == 0


def test_it_breaks_no_name_that_somebody_will_copy(shell: Shell) -> None:
    listed = shell.json("runbooks")
    with terminal(shell, "runbooks") as shown, terminal(shell, "search", "disk", "full") as found:
        assert shown.ended() == found.ended() == 0
    for one in listed:
        assert one["slug"] in shown.screen
    assert "database/performance-degradation" in found.screen
    # Their titles, each on its line: what they are for, `show` tells.
    assert len(shown.screen.strip().splitlines()) <= 2 * len(listed)
    assert all(one["problem"] not in shell("runbooks").stdout for one in listed)


@pytest.mark.parametrize("words", ["my cat is on fire", "the printer does not print", "the coffee is cold", "the"])
def test_it_admits_that_no_page_fits(shell: Shell, words: str) -> None:
    said = shell("search", *words.split())

    assert said.returncode == 1
    assert said.stdout.startswith("No page fits. Try the words of the error itself")
    assert "`incident runbooks` lists all pages." in said.stdout


@pytest.mark.parametrize("command", [["--help"], ["show", "xyzzy"], ["timeline"], ["publish"], ["doctor", "--json"]])
def test_without_its_start_it_says_what_the_installed_program_says(shell: Shell, command: list[str]) -> None:
    """All other tests in pipes have it forked from a process that has everything imported."""
    forked, installed = (run(*command, COLUMNS="70", **NOWHERE) for run in (shell, shell.installed))
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        installed.returncode,
        installed.stdout,
        installed.stderr,
    )


def test_it_says_its_version(shell: Shell) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", shell("--version").stdout)


def test_it_prints_nothing_but_json_when_there_is_nothing(shell: Shell) -> None:
    assert shell.json("lab", "status")["up"] is False
    assert shell.json("doctor")["stack"][0]["verdict"] == "UNKNOWN"
    assert json.loads(shell("search", "xyzzy", "--json").stdout) == []


def test_it_lets_nobody_ask_under_a_name_that_is_on_no_roster(shell: Shell) -> None:
    ended = configured(shell, ROSTER)("run", "database/blocked-sessions", "--environment", "lab", "--as", "mallory")
    assert ended.returncode == 2
    assert "mallory is not on the roster of lab. See: incident approvers list lab" in ended.stderr

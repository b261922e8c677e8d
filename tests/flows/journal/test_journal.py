from __future__ import annotations

import math
import time
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import SecretStr

from flows.journal import IncidentSummary, Journal, JournalUnavailable, NoSuchIncident, NotRecordable, Redactor
from tasks.model import Finding, Verdict
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw


def opened(journal: Journal, incident: str, environment: str = "lab", runbook: str = "database/slow") -> None:
    body = {"runbook": runbook, "environment": environment, "severity": "P1", "reason": "hangs \0"}
    journal.note(incident, "anna", "opened", Raw("opened", body))


def closed(journal: Journal, incident: str) -> None:
    journal.note(incident, "engine", "closed", Raw("closed", {"verdict": "fixed", "says": "All checks answer OK."}))


def ids(found: list[IncidentSummary]) -> list[str]:
    return [summary.incident for summary in found]


def test_it_finds_an_incident_by_the_beginning_of_its_id(journal: Journal) -> None:
    for incident in ("abcd-1", "abcd-2", "abcd", "wxyz%_1"):
        opened(journal, incident)
    assert journal.find("abcd-1") == "abcd-1"
    assert journal.find("abcd") == "abcd"
    assert journal.find("wxyz%") == "wxyz%_1"
    with pytest.raises(
        NoSuchIncident, match=r"^Several incidents begin with 'abcd-': abcd-1, abcd-2\. Write more of it"
    ):
        journal.find("abcd-")


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("abc", "'abc' is too short: write at least 4 characters"),
        ("nope", "No incident's id begins with 'nope'"),
        ("%%%%", "No incident's id begins with '%%%%'"),
        ("ab\0cd", "it holds characters no id has"),
        ("abcd\ud800", "it holds characters no id has"),
        ("", "too short"),
    ],
)
def test_it_says_why_no_incident_is_found(journal: Journal, prefix: str, said: str) -> None:
    opened(journal, "abcd-1")
    with pytest.raises(NoSuchIncident, match=said):
        journal.find(prefix)


def test_it_lists_ten_of_many(journal: Journal) -> None:
    for n in range(12):
        opened(journal, f"same-{n:02}")
    with pytest.raises(NoSuchIncident, match=r"same-09 and more\. Write more of it"):
        journal.find("same")


def test_it_lists_the_newest_incident_first(journal: Journal) -> None:
    for incident in ("inc-1", "inc-2", "inc-3"):
        opened(journal, incident)
    closed(journal, "inc-2")
    found = journal.incidents()
    assert ids(found) == ["inc-3", "inc-2", "inc-1"]
    assert [summary.open for summary in found] == [True, False, True]
    second = found[1]
    assert (second.runbook, second.environment, second.severity) == ("database/slow", "lab", "P1")
    assert (second.verdict, second.says) == ("fixed", "All checks answer OK.")
    assert ids(journal.incidents(open_only=True)) == ["inc-3", "inc-1"]
    assert ids(journal.incidents(limit=1)) == ["inc-3"]
    assert journal.incidents(limit=0) == []


def test_it_lists_the_incidents_of_one_place_or_problem(journal: Journal) -> None:
    opened(journal, "inc-1", environment="production")
    opened(journal, "inc-2", runbook="email/bounces")
    opened(journal, "inc-3", environment='lab "2"')
    # Names another environment deeper inside: found by the text, refused by the value.
    journal.note("inc-4", "a", "opened", Raw("opened", {"environment": "lab", "alert": {"environment": "production"}}))
    assert ids(journal.incidents(environment="production")) == ["inc-1"]
    assert ids(journal.incidents(environment='lab "2"')) == ["inc-3"]
    assert ids(journal.incidents(environment="lab", runbook="email/bounces")) == ["inc-2"]
    assert journal.incidents(environment="nowhere") == []


def test_it_reads_nothing_of_an_unknown_incident(journal: Journal) -> None:
    assert journal.read("inc-9") == ()
    assert not journal.is_held("inc-9")


def test_it_remembers_the_last_number(journal: Journal) -> None:
    assert journal.earlier("lab", ["check_deadlocks"]).get("check_deadlocks") is None
    before = time.time()
    for value in (3.0, 4.5):
        found = {
            "check_deadlocks": Finding(verdict=Verdict.OK, says="", value=value, unit="", facts={"since": "x"}),
            "check_silent": Finding.unknown("cannot look"),
            "check_nothing": Finding(verdict=Verdict.UNKNOWN, says="", value=math.nan),
        }
        assert journal.measure("lab", "inc-1", found) == 3
    earlier = journal.earlier("lab", ["check_deadlocks"]).get("check_deadlocks")
    assert earlier
    assert (earlier.value, earlier.facts) == (4.5, {"since": "x"})
    assert before - 5 < earlier.at_s < time.time() + 5
    assert journal.earlier("production", ["check_deadlocks"]).get("check_deadlocks") is None
    assert journal.earlier("lab", ["check_nothing"]).get("check_nothing") is None
    assert journal.measure("lab", None, {}) == 0


def test_it_keeps_all_numbers_of_a_look_or_none(roles: Roles) -> None:
    journal = roles.journal("correct-horse")
    good = Finding(verdict=Verdict.OK, says="", value=1, facts={"user": "correct-horse"})
    with pytest.raises(NotRecordable, match=r"body\.n is"):
        journal.measure("lab", None, {"check_a": good, "check_b": Finding(**{**vars(good), "facts": {"n": 2**60}})})
    assert journal.earlier("lab", ["check_a"]).get("check_a") is None
    journal.measure("lab", None, {"check_a": good})
    kept = journal.earlier("lab", ["check_a"]).get("check_a")
    assert kept
    assert kept.facts == {"user": "••••"}


def test_it_opens(journal: Journal) -> None:
    assert journal.open() is journal


def test_it_says_that_there_are_no_tables(empty: Roles) -> None:
    with pytest.raises(JournalUnavailable, match=r"has no tables yet\. `incident up` creates them"):
        empty.journal().open()
    with psycopg.connect(empty.owner_url) as owner:
        owner.execute("CREATE SCHEMA incident")
    with pytest.raises(JournalUnavailable, match="refuses this role: permission denied for schema incident"):
        empty.journal().open()


def said_about(url: str) -> str:
    with pytest.raises(JournalUnavailable) as refused:
        Journal(SecretStr(url), Redactor([])).open()
    error: BaseException | None = refused.value
    told = ""
    while error:
        told += f"{error}\n"
        error = error.__cause__
    assert "hunter" not in told
    return str(refused.value)


def test_it_says_what_an_engineer_would_say_about_a_wrong_url(roles: Roles) -> None:
    good = urlsplit(roles.runner_url)
    where = f"127.0.0.1:{good.port}"
    name = good.path[1:]
    assert said_about(f"postgresql://{good.username}:hunter22@{where}/{name}") == (
        f"The journal (database '{name}' on {where}) does not answer: "
        f'password authentication failed for user "{good.username}". Is it running, and reachable from here?'
    )
    assert said_about("postgresql://me:hunter22@127.0.0.1:1/x") == (
        "The journal (database 'x' on 127.0.0.1:1) does not answer: Connection refused. "
        "Is it running, and reachable from here?"
    )
    assert 'database "nope" does not exist' in said_about(roles.runner_url.replace(name, "nope"))
    assert Journal(SecretStr(roles.runner_url.replace("postgresql", "postgresql+asyncpg")), Redactor([])).open()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter22",
        "mysql://me:hunter22@host/x",
        "postgresql://me:p@hunter22@host/x",
        "postgresql://me:p/hunter22@host/x",
        "postgresql://me:hunter22%zz@host/x",
        "postgresql://host:hunter22/x",
        "postgresql://me:x@host/x?hunter22=1",
        "postgresql://[hunter22/x",
    ],
)
def test_it_never_repeats_a_url_it_cannot_read(url: str) -> None:
    assert said_about(url).startswith("The journal's database URL cannot be read. Write postgresql://user:password@")

"""incident demo: a real database incident, from the fault to the post-mortem, on this machine."""

from __future__ import annotations

import json
import os
import shlex
import time
from dataclasses import asdict
from pathlib import Path

from deployments.commands.alert_sample import begun, deliver, listening
from deployments.commands.context import Here
from deployments.commands.entries import Teller
from deployments.commands.playground import playground
from deployments.commands.terminal import console, interactive, say, show_markdown
from deployments.home import Home
from deployments.intake.grafana import SignedGrafana
from deployments.intake.settings import AlertSettings
from deployments.intake.source import Sample
from deployments.interrupts import interruptible, put_off
from deployments.lab import alerts as labs
from deployments.stack import Stack
from flows.case.question import Question
from flows.journal import Journal
from flows.told.report import report
from flows.told.show import story
from runbooks.model import Drill

SLUG = "database/blocked-sessions"
LAB = "lab"
SOURCE = labs.name("grafana-signed")


def demo(*, auto: bool = False) -> int:
    """Break a lab database, watch the runbook diagnose it, approve the fix, see it verified and recorded.

    Starts the stack and the lab if they are not up, and stops what it started, nothing else. Exit code 0 only if the
    verdict is `fixed`.

    Parameters
    ----------
    auto
        Do not wait for a person: the lab's drill approver answers. So it is without a terminal, and with AUTO=1.
    """
    home = Home.find()
    auto = auto or os.environ.get("AUTO") == "1" or not interactive()
    with interruptible(), playground(home, say) as (at, stack):
        say(f"Prefect:  {stack.ui_url}")
        say("Ctrl-C stops what this demo started.")
        return _play(at, stack, auto)


def _play(at: Here, stack: Stack, auto: bool) -> int:
    from flows.drill import ENDS_WITHIN_S, drill_approver, rehearse, rehearsed_step

    catalogued = at.catalog.get(SLUG)
    place = at.environment(LAB)
    journal = at.journal(place)
    drill = catalogued.runbook.drills[0]
    approver = drill_approver(place, rehearsed_step(catalogued, drill))
    people = [name for name, person in place.approvers.items() if not person.drill]
    monitoring = listening(at)
    began = time.monotonic()

    def alarm() -> str:
        console.print("The lab's monitoring sends a signed alert, which opens the incident.")
        # What is sent opens an incident, whatever happens to this process: it must be known which.
        with put_off():
            return begun(journal, deliver(monitoring, SOURCE, _alert(monitoring, drill))["alerts"][0]["alert"])

    def answer(question: Question) -> None:
        console.print()
        show_markdown(story(question))
        console.print()
        if auto:
            say("The lab's drill approver answers (no terminal, or AUTO=1).")
            approver(question)
            return
        say(f"Press Resume in the Prefect UI; your name on the lab's roster is {people[0]!r}:")
        say(f"  {stack.ui_url}/runs/flow-run/{question.incident}")
        say("or answer in another terminal:")
        say(f"  {_where(at.home)}incident approve {question.incident[:8]} --name {people[0]}")
        say("")

    say("")
    console.print(f"Breaking the lab: {drill.fault.title}.")
    patience_s = ENDS_WITHIN_S + place.approval_expires_s
    result = rehearse(catalogued, drill, place, journal, answer, Teller().show, within_s=patience_s, opens=alarm)
    took = time.monotonic() - began
    draft, record = keep(journal, result.incident, at.home)
    say("")
    show_markdown(report(journal.read(result.incident)))
    say("")
    say(f"{result.ending.capitalize()}, {took:.0f} s after the lab was broken.")
    say(f"Post-mortem draft:  {draft}")
    say(f"Record:             {record}")
    return 0 if result.passed else 1


def _alert(monitoring: AlertSettings, drill: Drill) -> Sample:
    """What a rule of the lab's monitoring says of the fault; each demo's is a problem of its own."""
    source = monitoring.sources[SOURCE]
    assert isinstance(source, SignedGrafana)  # noqa: S101 - the lab's own
    now_s = time.time()
    group = json.loads(source.body(now_s))
    (one,) = group["alerts"]
    one["labels"] = {"alertname": "PostgresBlockedSessions", "severity": "warning", "service": "lab"}
    one["annotations"] = {"summary": f"{drill.fault.title}."}
    return source.proved(json.dumps(group).encode(), now_s)


def _where(home: Home) -> str:
    """What another terminal must be told, if this home is not the one of the folder it stands in."""
    return f"INCIDENT_HOME={shlex.quote(str(home.root))} " if os.environ.get("INCIDENT_HOME") else ""


def keep(journal: Journal, incident: str, home: Home) -> tuple[Path, Path]:
    """Write the post-mortem draft and the chained entries as files; where they are."""
    entries = journal.read(incident)
    home.records.mkdir(mode=0o700, exist_ok=True)
    draft = home.records / f"{incident}.md"
    record = home.records / f"{incident}.jsonl"
    draft.write_text(report(entries), encoding="utf-8")
    record.write_text("".join(json.dumps(asdict(e), ensure_ascii=False) + "\n" for e in entries), encoding="utf-8")
    return draft, record

"""incident demo: a real database incident, from the fault to the post-mortem, on this machine."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from deployments import lab as servers
from deployments.commands.context import Here, adopt
from deployments.commands.stack import ready, say
from deployments.commands.terminal import interactive, show_entry, show_markdown
from deployments.home import Home
from deployments.stack import Stack, interruptible
from flows.gate import Question
from flows.journal import Journal
from flows.report import report
from flows.show import story

SLUG = "database/blocked-sessions"


def demo(*, auto: bool = False) -> int:
    """Break a lab database, watch the runbook diagnose it, approve the fix, see it verified and recorded.

    Starts the stack and the lab if they are not up, and stops what it started. Exit code 0 only if the verdict is
    `fixed`.

    Parameters
    ----------
    auto
        Do not wait for a person: the lab's drill approver answers. So it is without a terminal, and with AUTO=1.
    """
    home = Home.find()
    auto = auto or os.environ.get("AUTO") == "1" or not interactive()
    with interruptible():
        running = Stack.find(home)
        stack = running or Stack.up(home, say, database_url=os.environ.get("DATABASE_URL"))
        with stack, servers.up(home, daemon=False, progress=say):
            adopt(home, stack)
            ready(stack)
            return _play(Here(home), stack, auto)


def _play(here: Here, stack: Stack, auto: bool) -> int:
    from flows.drill import drill_approver, rehearse, rehearsed_step

    catalogued = here.catalog.get(SLUG)
    place = here.config.environment("lab")
    journal = here.journal(place)
    drill = catalogued.runbook.drills[0]
    approver = drill_approver(place, rehearsed_step(catalogued, drill))
    began = time.monotonic()

    def answer(question: Question) -> None:
        show_markdown(story(question))
        if auto:
            say("The lab's drill approver answers (no terminal, or AUTO=1).")
            approver(question)
        else:
            say(f"Approve in the Prefect UI:  {stack.ui_url}/runs/flow-run/{question.incident} → Resume, name: you")
            say(f"or in another terminal:     incident approve {question.incident[:8]}")

    say("")
    say(f"Breaking the lab: {drill.fault.title}.")
    result = rehearse(catalogued, drill, place, journal, answer, show_entry)
    say("")
    paths = keep(journal, result.incident, here.home)
    show_markdown(report(journal.read(result.incident)))
    say(f"{result.ending} {time.monotonic() - began:.0f} s after the lab was broken.")
    say(f"Post-mortem draft:  {paths[0]}")
    say(f"Record:             {paths[1]}")
    return 0 if result.passed else 1


def keep(journal: Journal, incident: str, home: Home) -> tuple[Path, Path]:
    """Write the post-mortem draft and the chained entries as files; where they are."""
    entries = journal.read(incident)
    home.records.mkdir(mode=0o700, exist_ok=True)
    draft = home.records / f"{incident}.md"
    record = home.records / f"{incident}.jsonl"
    draft.write_text(report(entries), encoding="utf-8")
    record.write_text("".join(json.dumps(asdict(e), ensure_ascii=False) + "\n" for e in entries), encoding="utf-8")
    return draft, record

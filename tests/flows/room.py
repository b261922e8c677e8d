"""A room with a lamp: one small incident, lived through in this process against a real journal and a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
import pytest
from pydantic import SecretStr

from flows.case.question import Answer, Question, local_asker
from flows.journal import Entry, Journal, Redactor
from flows.run import settings
from flows.run.clock import now
from tasks.config import Config
from tasks.registry import Team
from tests.flows.fits import misfits

TEAM = Path(__file__).parents[1] / "team"
SLUG = "house/dark-room"
PLAYBOOK = "house/new-bulb"
MAINTENANCE = "house/lamp-care"
CHECKLIST = "house/lamp-rounds"

CONFIG = """
[team]
runbooks = "{team}/runbooks"
systems = "{team}/systems"

[environments.room]
kind = "lab"
verification_hold_s = 0.2
approval_expires_s = {expires}

[environments.room.approvers]
ana = {{ roles = ["on-call"] }}
zoe = {{ roles = ["senior"] }}

[environments.room.systems.lamp]
file = "{lamp}"

# The same room, for people in a hurry.
[environments.hasty]
kind = "lab"
verification_hold_s = 0.2
approval_expires_s = 4

[environments.hasty.approvers]
ana = {{ roles = ["on-call"] }}

[environments.hasty.systems.lamp]
file = "{lamp}"

# The same room, where a name alone does not count.
[environments.guarded]
kind = "lab"
verification_hold_s = 0.2

[environments.guarded.approvers]
ana = {{ roles = ["on-call"], totp = "{ana}" }}
zoe = {{ roles = ["senior"], totp = "{zoe}" }}
eve = {{ roles = ["on-call"], key = "{eve}" }}

[environments.guarded.systems.lamp]
file = "{lamp}"
password = "{password}"

# The same room, where nobody's address is written down.
[environments.discreet]
kind = "lab"
verification_hold_s = 0.2
mask_emails = true

[environments.discreet.approvers]
ana = {{ roles = ["on-call"] }}

[environments.discreet.systems.lamp]
file = "{lamp}"

# The same room, where people think for long.
[environments.slow]
kind = "lab"
verification_hold_s = 0.2
evidence_expires_s = 0.001

[environments.slow.approvers]
ana = {{ roles = ["on-call"] }}

[environments.slow.systems.lamp]
file = "{lamp}"

# The same room, where it takes two.
[environments.careful]
kind = "lab"
verification_hold_s = 0.2
people = {{ moderate = 2 }}

[environments.careful.approvers]
ana = {{ roles = ["on-call"] }}
zoe = {{ roles = ["senior"] }}
max = {{ roles = ["dba"] }}

[environments.careful.systems.lamp]
file = "{lamp}"
"""
# Made for these tests, and good for nothing else.
SECRETS = {
    "ana": pyotp.random_base32(),
    "zoe": pyotp.random_base32(),
    "eve": pyotp.random_hex(40),
    "password": pyotp.random_hex(40),
}

Reply = Callable[[Question], Answer | None]


def said(question: Question, decision: str = "approve", name: str = "ana", **changes: Any) -> Answer:
    """A correct answer to `question`, unless changed."""
    given = {"note": "because", "digest": question.digest, "decided_at": now(), "via": "test", **changes}
    return Answer(decision=decision, name=name, **given)


@dataclass
class Script:
    """Answers one question after the other; a question nobody expected fails the test."""

    replies: list[Reply]
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> Answer | None:
        self.asked.append(question)
        assert self.replies, f"nobody expected to be asked: {question.title}, {question.refused}"
        return self.replies.pop(0)(question)


@dataclass
class Room:
    lamp: Path
    journal: Journal
    incident: str = ""

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.lamp.read_text())
        return found

    def set(self, **changes: object) -> None:
        draft = self.lamp.with_suffix(".new")
        draft.write_text(json.dumps({**(self.state() if self.lamp.exists() else {}), **changes}))
        draft.replace(self.lamp)

    def count(self, what: str) -> int:
        """How often the lamp was asked, tried or switched; the lamp says so itself."""
        log = self.lamp.with_suffix(".log")
        return log.read_text().splitlines().count(what) if log.exists() else 0

    def live(self, *replies: Reply, slug: str = SLUG, environment: str = "room", **parameters: Any) -> Script:
        """Live through one incident in this process, answered by `replies` in their order."""
        from flows.health import health
        from flows.incident import incident
        from flows.maintenance import maintenance
        from flows.playbook import playbook

        lived: Any = {PLAYBOOK: playbook, MAINTENANCE: maintenance, CHECKLIST: health}.get(slug, incident)
        script = Script(list(replies))
        token = local_asker.set(script)
        try:
            state = lived(slug, environment, return_state=True, **parameters)
        finally:
            local_asker.reset(token)
        assert state.state_details.flow_run_id, state
        self.incident = str(state.state_details.flow_run_id)
        if state.is_crashed() or (state.is_failed() and state.name == "Failed"):
            state.result()
        assert not script.replies, "not everything that was expected was asked"
        assert misfits(self.entries) == []
        return script

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.journal.read(self.incident)

    @property
    def verdict(self) -> str:
        return str(self.entry("closed")["verdict"])

    def entry(self, key: str) -> dict[str, Any]:
        return next(dict(entry.body) for entry in self.entries if entry.key == key)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]


def furnish(folder: Path, journal_url: str, monkeypatch: pytest.MonkeyPatch, *, expires: float = 600) -> Room:
    """A dark room: its configuration, its lamp, its journal."""
    room = Room(lamp=folder / "lamp.json", journal=Journal(SecretStr(journal_url), Redactor([])))
    room.set(lit=False)
    config = configure(folder / "environments.toml", room.lamp, expires=expires)
    monkeypatch.setenv("INCIDENT_CONFIG", str(config))
    monkeypatch.setenv("INCIDENT_JOURNAL_URL", journal_url)
    monkeypatch.delenv("INCIDENT_LAB_ENVIRONMENT", raising=False)
    _keep(config)
    return room


_kept: set[Team] = set()


def _keep(config: Path) -> None:
    """As a worker does before it forks its runs; otherwise each run here would read all versions anew."""
    loaded = Config.load(config)
    if loaded.team not in _kept:
        settings.keep(loaded)
        _kept.add(loaded.team)


def configure(config: Path, lamp: Path, *, expires: float = 600) -> Path:
    """Write the configuration of a room with this lamp."""
    config.write_text(CONFIG.format(team=TEAM, lamp=lamp, expires=expires, **SECRETS))
    return config

"""What is declared is what is stored; every life that `tests/flows/room.py` lives through is held to it as well."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from flows.journal import Journal, NotRecordable, complaints, kinds
from flows.journal.audit import Audit
from flows.journal.body import KINDS, stored_as
from flows.journal.chain import chained
from flows.people import handling
from tasks.model import Json, Row
from tests.flows.fits import misfits
from tests.flows.journal.conftest import Roles
from tests.flows.journal.old import insert, old_incident
from tests.flows.raw import Raw
from tests.flows.room import Room, said

ROOT = Path(__file__).parents[3]
# What is written once is read for ever: a line here is added to, and never changed.
STORED = """
opened: checks deployment environment kind parameters problem reason requester runbook scheduled severity title version
window: opening says
finding: columns facts remedy rows says unit value verdict
look: check columns facts remedy rows says unit value verdict
asked: approved_by digest expires_at people plan proof quorum reason refused seen_at title
planned: approved_by digest expires_at people plan proof quorum reason refused seen_at title
answered: accepted decided_at decision digest name note refusal via
refused: accepted decided_at? decision? digest? name? note? refusal via?
expired: accepted decision note
standing: accepted decided_at decision digest name note via
void: says
narrowed: asked came says
intent: plan sealed? title
broken off: says
outcome: complete cut_short? not_done rows says sealed?
manual: how title
step: fate says title
clock: says stages
stage: late says stage
checked: changed items not_here says verdict
verifying: hold_s
verified: ending findings worse
beside: incident leads runbook says
led: goes_on left says
severity: login? says severity
left halfway: begun looks not_taken_back says
closed: says verdict
note: login says
taken: login says
closing: login says
seen again: says
alert resolved: says
recovered: says
told: attempts delivered says
retired: closed_at entries file says sha256
announced: asked
taken: by
code used: by
wrong code:
unclaimed: says title
trouble: remedy? says title unseen?
mended: remedy? says title unseen?
could not look: remedy? says title unseen?
looked: remedy? says title unseen?
"""


def test_it_keeps_every_name_that_was_ever_stored() -> None:
    declared = [
        f"{name}: {' '.join(sorted(stored_as(one) + '?' * (one.default is None) for one in fields(kind)))}".strip()
        for name, bodies in KINDS.items()
        for kind in bodies
    ]
    assert sorted(declared) == sorted(STORED.split("\n")[1:-1])


def test_it_declares_what_a_life_stores(room: Room) -> None:
    room.live(said)
    of_a_life = "opened finding asked answered look intent outcome step verifying verified closed"
    assert set(of_a_life.split()) <= set(room.kinds())
    assert misfits(room.entries) == []


@pytest.mark.parametrize(
    ("changed", "said_of_it"),
    [({"says": 1}, "says is 1"), ({"verdict": None}, "verdict is None"), ({"by": "ana"}, "unknown ['by']")],
)
def test_it_sees_a_body_that_is_not_declared(room: Room, changed: dict[str, Json], said_of_it: str) -> None:
    """What all the lives of these tests are held to can be broken."""
    room.live(lambda question: said(question, "reject"))
    closed = room.entries[-1]
    (found,) = misfits([replace(closed, body={**closed.body, **changed})])
    assert said_of_it in found


def test_it_declares_what_people_store(room: Room) -> None:
    room.live(lambda question: said(question, "reject"))
    handling.note(room.journal, room.incident, "ana", "It smelt of smoke.")
    assert room.entries[-1].is_a(kinds.Note)
    assert misfits(room.entries) == []


def test_it_refuses_a_kind_that_nobody_declared(journal: Journal) -> None:
    with journal.hold("inc-1") as log:
        with pytest.raises(NotRecordable, match=r"No kind of entry is called 'opend'\. Declare it in flows/journal/"):
            log.append("engine", "opened", Raw("opend", {}))
        assert log.entries == ()


def test_it_reads_and_verifies_what_nobody_declares_any_more(roles: Roles) -> None:
    """Kinds and bodies of another release are what they were, down to their hash."""
    old_incident(roles, "inc-1", closed=False)
    journal = roles.journal()
    last = journal.read("inc-1")[-1]
    body: Row = {"says": "as it was", "of": ["another", 1.0]}
    insert(
        roles.runner_url,
        chained(incident="inc-1", seq=4, at=last.at, actor="a", kind="forgotten", key="f", body=body, prev=last.hash),
    )
    with journal.record() as record:
        assert list(complaints(record, Audit())) == []
    with journal.hold("inc-1") as log:
        assert (log.entries[-1].kind, log.entries[-1].body) == ("forgotten", body)
        assert log.append("ana", "n", kinds.Note(says="read", login="ana")).prev == log.entries[-2].hash


def test_it_asks_the_database_for_declared_kinds_only() -> None:
    asked = set()
    for file in (ROOT / "flows/journal").rglob("*.py"):
        for found in re.finditer(r"\bkind (?:=|<>|IN) (\(?'[^)\n]*?')(?=[\s)\"])", file.read_text(encoding="utf-8")):
            asked |= set(re.findall(r"'([^']+)'", found[1]))
    assert asked == {"opened", "closed", "severity", "retired", "wrong code", "intent", "look", "refused"}
    assert asked <= KINDS.keys()

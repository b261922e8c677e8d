"""The kinds of entry there are: what a journal can hold, who writes it and when. The map to begin with.

In the order of an incident, then what is kept in chains of its own. A field is stored under its name. One whose default
is None is left out where it is None: another writer has no such thing, or none is needed. What an older release did not
write yet is said here; whoever reads has to live without it, and with kinds and names that are not here any more.

What was written once is hashed, and read for as long as there are exports: rename nothing, and give no old name another
meaning. `tests/flows/journal/test_kinds.py` holds entries of this release to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from flows.journal.body import STORED_AS, Told
from tasks.model import Row


class Opened(Told, kind="opened"):
    """The first of an incident, by whoever asked for it; from then on a run reads here what it was begun with.

    `severity` is empty for planned work. Older: no `kind`, `parameters`, `checks` or `requester`.
    """

    runbook: str
    # Runbook, playbook or maintenance.
    declared_as: str = field(metadata={STORED_AS: "kind"})
    version: str
    title: str
    problem: str
    environment: str
    parameters: Row
    checks: Sequence[str]
    severity: str
    reason: str
    deployment: str
    scheduled: bool
    requester: Row


class Window(Told, kind="window"):
    """By the engine, when a maintenance begins: the opening of its window that it belongs to, or none."""

    says: str
    opening: Sequence[str]


class _Seen(Told):
    """A check's answer. `columns` are the rows' names in the order in which they are shown; older: none."""

    verdict: str
    says: str
    value: float | None
    unit: str
    facts: Row
    rows: Sequence[Row]
    columns: Sequence[str]
    remedy: str


class Finding(_Seen, kind="finding"):
    """By the engine, for each check of the diagnosis as its answer comes."""


class Look(_Seen, kind="look"):
    """By the engine, for each check that is asked again between an approval and the act. Older: no `check`."""

    check: str


class _Question(Told):
    """A plan before somebody who decides. Older: no `seen_at`, `people`, `quorum`, `approved_by` or `proof`."""

    title: str
    reason: str
    plan: Row
    digest: str
    seen_at: str
    expires_at: str
    refused: str
    people: int
    quorum: str
    approved_by: Sequence[str]
    proof: bool


class Asked(_Question, kind="asked"):
    """By the engine, when a step waits for a person; `refused` says why the answer before did not count."""


class Planned(_Question, kind="planned"):
    """By the engine, when a declaration's standing approval stands for the person."""


class Answered(Told, kind="answered"):
    """In the name of whoever answered, once the answer was checked and counts: what was decided, and how it came in."""

    accepted: bool = field(default=True, init=False)
    refusal: str = field(default="", init=False)
    decision: str
    name: str
    note: str
    digest: str
    decided_at: str
    via: str


class Refused(Told, kind="refused"):
    """By the engine: an answer that does not count, and why; or none, although the run was started again."""

    accepted: bool = field(default=False, init=False)
    refusal: str
    decision: str | None = None
    name: str | None = None
    note: str | None = None
    digest: str | None = None
    decided_at: str | None = None
    via: str | None = None


class Expired(Told, kind="expired"):
    """By the engine: nobody answered in time. `decision` is stored, as null: silence decides nothing."""

    accepted: bool = field(default=True, init=False)
    decision: None
    note: str


class Standing(Told, kind="standing"):
    """In the schedule's name: what a declaration approved, and its rule as the note."""

    accepted: bool = field(default=True, init=False)
    decision: str
    name: str
    note: str
    digest: str
    decided_at: str
    via: str


class Void(Told, kind="void"):
    """By the engine: what was approved does not count any more, and why. It is asked again."""

    says: str


class Narrowed(Told, kind="narrowed"):
    """By the engine, before less than was approved is done: what came since, and whether it is asked about next."""

    says: str
    came: Sequence[str]
    asked: bool


class Intent(Told, kind="intent"):
    """By the engine, right before a change: after a crash it is the sign to look whether it happened.

    `sealed` is the plan again where redaction hides what it touches, for our own processes alone.
    """

    title: str
    plan: Row
    sealed: str | None = None


class BrokenOff(Told, kind="broken off"):
    """By the engine: the change ended in an error; whether it happened is looked for."""

    says: str


class Outcome(Told, kind="outcome"):
    """By the engine: what the change did. Older: no `not_done`.

    `cut_short`: the window's end came first. A look after a crash, which is not the change itself, does not say so.
    """

    says: str
    complete: bool
    rows: Sequence[Row]
    not_done: Sequence[Row]
    sealed: str | None = None
    cut_short: bool | None = None


class Manual(Told, kind="manual"):
    """By the engine: an instruction for people; the post-mortem lists it as a follow-up."""

    title: str
    how: str


class Step(Told, kind="step"):
    """By the engine: what became of a step in the end."""

    title: str
    fate: str
    says: str


class Clock(Told, kind="clock"):
    """By the engine, after the diagnosis of what has a clock: the stages called for, and when each is due."""

    stages: Sequence[Row]
    says: str


class Stage(Told, kind="stage"):
    """By the engine, when the last step of a stage is over: in time, or late."""

    stage: str
    late: bool
    says: str


class Checked(Told, kind="checked"):
    """By the engine, when all of a checklist is answered and before anybody signs: what it comes to.

    `items` are the lines of its table, the worst first; `changed` those that answered otherwise the last time.
    `not_here`: the kinds of system that are asked about and the environment does not have.
    """

    verdict: str
    says: str
    items: Sequence[Row]
    changed: Sequence[Row]
    not_here: Sequence[str]


class Verifying(Told, kind="verifying"):
    """By the engine, when it begins to ask again; the time within which it has to be well counts from here."""

    hold_s: float


class Verified(Told, kind="verified"):
    """By the engine: the answers an ending rests on, and what is worse than in the diagnosis. Older: no `worse`."""

    ending: str
    findings: Row
    worse: Sequence[Row]


class Beside(Told, kind="beside"):
    """By the engine, in both: another incident of a related runbook is open there. `leads`: this one waits for it."""

    incident: str
    runbook: str
    leads: bool
    says: str


class Led(Told, kind="led"):
    """By the engine: the wait for the incident that leads is over, why, and whether steps of its own are taken.

    `left`: a person left it to the other one, with whatever is still there.
    """

    says: str
    goes_on: bool
    left: bool


class Severity(Told, kind="severity"):
    """By a person who judged it anew, with the login of their machine; by the engine where an undo failed."""

    severity: str
    says: str
    login: str | None = None


class LeftHalfway(Told, kind="left halfway"):
    """By the engine, where an undo failed: what whoever finishes by hand needs."""

    says: str
    begun: Sequence[Row]
    not_taken_back: Sequence[Row]
    looks: Sequence[Row]


class Closed(Told, kind="closed"):
    """By the engine, at the end; by the recoverer, where no process will go on."""

    verdict: str
    says: str


class Note(Told, kind="note"):
    """By a person, at any time, also after the end."""

    says: str
    login: str


class Taken(Told, kind="taken"):
    """By a person who handles the incident from now on."""

    says: str
    login: str


class Closing(Told, kind="closing"):
    """By a person who closes it whatever it waits for: nothing is begun after this."""

    says: str
    login: str


class SeenAgain(Told, kind="seen again"):
    """By a watch or an alert's source that would have opened what is open already."""

    says: str


class AlertResolved(Told, kind="alert resolved"):
    """By an alert's source, through the dispatcher, or by a watch: it is over. If nothing was begun, it looks again."""

    says: str


class Recovered(Told, kind="recovered"):
    """By the recoverer, when it has a run taken up again whose process is gone."""

    says: str


class Notified(Told, kind="told"):
    """By whoever tells people: a message that arrived, or did not after all attempts."""

    says: str
    delivered: bool
    attempts: int


class Retired(Told, kind="retired"):
    """By `incident audit retire`, after the last entry: the export that holds the entries before it. A tombstone."""

    says: str
    file: str
    sha256: str
    entries: int
    closed_at: str


class Announced(Told, kind="announced"):
    """In `openings/…`, by a machine that is about to open an incident: what it asks for, as a digest."""

    asked: str


class OpenedBy(Told, kind="taken"):
    """In `openings/…`, by the engine: the incident that this proof of who asked counts for, and no other."""

    by: str


class CodeUsed(Told, kind="code used"):
    """In `codes/…`, by the engine: the question a one-time code counted for. It counts for no other."""

    by: str


class WrongCode(Told, kind="wrong code"):
    """In `codes/…`, by the engine: a code given in that name did not fit."""


class Unclaimed(Told, kind="unclaimed"):
    """In `unclaimed/…`, by the recoverer: an urgent alert that no runbook claims. People are told."""

    title: str
    says: str


class _Watching(Told):
    """Of the clock, whose troubles are known beforehand, only what it says; of a watch, its answer as well."""

    title: str
    says: str
    unseen: str | None = None
    remedy: str | None = None


class Trouble(_Watching, kind="trouble"):
    """In `clock/…`, `blind/…`, `burn/…`: nothing begins, a watch cannot look, a budget burns. People are told."""


class Mended(_Watching, kind="mended"):
    """In `clock/…`, `blind/…` and `burn/…`: it is over. People are told."""


class CouldNotLook(_Watching, kind="could not look"):
    """In `blind/…`, by a round of watches: an answer of UNKNOWN that is no trouble yet."""


class Looked(_Watching, kind="looked"):
    """In `blind/…`, by a round of watches: it sees again, before anybody was told."""

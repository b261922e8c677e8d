"""Who is told when: that a step waits, that nobody answered, how it ended. Silence goes up the ladder.

Looks at the record only, and adds to it only who was told: an incident never waits for a message to arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows.case.case import BY_HAND, Ending, step_key
from flows.case.leading import FOLLOW
from flows.case.question import Question, open_question
from flows.case.stages import CLOCK, late_stages
from flows.journal import AlreadyRecorded, Entry, IncidentSummary, Journal, JournalBroken, kinds
from flows.people.deliver import Letter, Post
from flows.people.tell import Target
from flows.people.verdict import written
from flows.run import settings
from flows.run.clock import now
from runbooks.model import Severity
from tasks.config import Config
from tasks.environment import Environment
from tasks.roster import Role
from tasks.toml import InvalidConfig

TELLER = "escalate"
# Minutes after which each role is told that a step waits. Seed S4 says five minutes and a quarter of an hour of the
# same level, S2 and S3 less: P0 and P1 are the shortest that all of them allow. The others are stretched to the
# response times of seed S3 (4 h, a day).
LADDER: Mapping[Severity, Mapping[Role, float]] = {
    Severity.P0: {Role.ON_CALL: 0, Role.SENIOR: 5, Role.DBA: 5, Role.MANAGER: 15, Role.SECURITY: 15},
    Severity.P1: {Role.ON_CALL: 0, Role.SENIOR: 15, Role.DBA: 15, Role.MANAGER: 60},
    Severity.P2: {Role.ON_CALL: 0, Role.SENIOR: 120, Role.DBA: 120, Role.MANAGER: 240},
    Severity.P3: {Role.ON_CALL: 0, Role.SENIOR: 1440},
}
# Whoever decides such things hears how it ended.
END: Sequence[Role] = (Role.ON_CALL,)
# Whoever can send more people, and whoever has to tell others that it takes longer.
LATE: Sequence[Role] = (Role.ON_CALL, Role.SENIOR, Role.MANAGER)
TOLD_BEFORE = (Ending.HEALTHY, Ending.UNHEALTHY, Ending.CANNOT_TELL)
# An end older than this is no news: the stack was down meanwhile.
NEWS = timedelta(minutes=15)
# Whoever has so long is reminded once before the time is over.
LONG, BEFORE_DUE = timedelta(hours=12), timedelta(hours=2)
# What was left half-way stays so until somebody comes.
HALFWAY_NEWS = timedelta(days=1)
# Tried again after so many seconds; then the record says that it did not arrive.
RETRY_S = (10.0, 30.0, 60.0, 120.0)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One thing to say to one role. `key` is what it is journalled under, once a target."""

    key: str
    role: Role
    title: str
    text: str


@dataclass
class Escalator:
    """Remembers between looks only what is on its way, which deliveries failed, and when they are tried again."""

    journal: Journal
    config: Callable[[], Config]
    say: Callable[[str], object]
    failed: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    post: Post = field(default_factory=Post)

    def look(self) -> None:
        """One look at every incident that is open, or has just ended. Meant to be repeated every few seconds.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        news = [s for s in self.journal.incidents(limit=1000) if s.open or _ago(s.closed_at) < _news(s)]
        # Read anew: a lab that comes up adds an environment.
        places = {name: self.place(name) for name in {summary.environment for summary in news}}
        for summary in news:
            place = places[summary.environment]
            if place is not None and place.routes:
                self._carefully(summary, place)
        self.settle()

    def settle(self) -> None:
        """Send what waits, and record what became of it."""
        for letter, arrived in self.post.arrived():
            self._record(letter, arrived)

    def place(self, name: str) -> Environment | None:
        """The environment, if it can be used."""
        try:
            return self.config().environment(name)
        except InvalidConfig as error:
            if name not in self.unusable:
                self.say(f"Nobody is told about incidents in {name}. {error}")
            self.unusable.add(name)
            return None

    def _carefully(self, summary: IncidentSummary, place: Environment) -> None:
        """One record that was changed must not keep people from hearing of the others."""
        try:
            self._consider(summary, place)
        except JournalBroken as error:
            if summary.incident not in self.unusable:
                self.say(f"{summary.incident}: nobody is told. {error}")
            self.unusable.add(summary.incident)

    def _consider(self, summary: IncidentSummary, place: Environment) -> None:
        entries = self.journal.read(summary.incident)
        self.tell(summary.incident, place, due(summary, entries, place), {entry.key for entry in entries})

    def tell(self, incident: str, place: Environment, messages: Iterable[Message], told: Container[str]) -> None:
        """Put on their way what nobody was told yet, to everybody in `place` whose role it is for."""
        for message in messages:
            for target in map(Target, place.routes.get(message.role, ())):
                key = f"told/{message.key}/{message.role}/{target.id}"
                if key not in told and self.is_time(f"{incident}/{key}"):
                    self.post.send(_letter(incident, place, key, message, target))

    def is_time(self, letter: str) -> bool:
        """Not while it is on its way, and not again at once after it failed."""
        failed = self.failed.get(letter)
        return not self.post.has(letter) and (failed is None or now() >= failed[1])

    def _record(self, letter: Letter, arrived: bool) -> None:
        attempts, _ = self.failed.get(letter.id, (0, now()))
        shown = letter.target.shown
        if not arrived and attempts < len(RETRY_S):
            self.failed[letter.id] = (attempts + 1, now() + timedelta(seconds=RETRY_S[attempts]))
            self.say(f"{letter.incident}: {shown} did not take the message; tried again in {RETRY_S[attempts]:g} s.")
            return
        self.failed.pop(letter.id, None)
        how = f"by {shown}" if arrived else f"not reached by {shown}, tried {attempts + 1} times"
        told = kinds.Notified(says=f"{letter.role}: {how}. {letter.title}", delivered=arrived, attempts=attempts + 1)
        try:
            self.journal.note(letter.incident, TELLER, letter.key, told)
        except AlreadyRecorded:
            self.say(f"{letter.incident}: somebody else told {letter.role} at the same moment.")


def _letter(incident: str, place: Environment, key: str, message: Message, target: Target) -> Letter:
    redact = settings.redactor(place)
    title, text = redact.text(message.title), redact.text(message.text)
    return Letter(key=key, incident=incident, target=target, title=title, text=text, role=message.role)


def due(summary: IncidentSummary, entries: Sequence[Entry], place: Environment) -> Iterator[Message]:
    """Everything that should have been said by now, whether it was said or not."""
    yield from _waits(summary, entries, place)
    for stage, says, whole in late_stages(entries, now()):
        yield from _to(
            tuple(Role) if whole else LATE,
            key=f"{CLOCK}/{stage}/late",
            title=f"{summary.severity} {place.name}: late: {stage}",
            text=f"{says} Incident {summary.incident[:8]}, {summary.runbook}. See where it is: "
            f"incident timeline {summary.incident[:8]}",
        )
    for entry in entries:
        # What a person mends by hand is asked again, and that is told.
        if entry.is_a(kinds.Expired) and not entry.key.startswith((f"{step_key(BY_HAND)}/", f"{FOLLOW}/")):
            yield from _to(
                END,
                key=entry.key.removesuffix("/answered") + "/expired",
                title=f"{summary.severity} {place.name}: nobody answered",
                text=f"{entry.body['note']} Incident {summary.incident[:8]}, {summary.runbook}.",
            )
        if entry.is_a(kinds.Checked):
            yield from _to(
                END,
                key="checked",
                title=f"{entry.body['verdict']} {place.name}: {summary.runbook}",
                text=f"{written(entry.body)}\n\nThe record: incident timeline {summary.incident[:8]}",
            )
    # What a checklist came to was told before anybody signed; its end is news if nobody did, or it was broken off.
    told = any(entry.is_a(kinds.Checked) for entry in entries) and summary.verdict in TOLD_BEFORE
    if summary.closed_at and not told:
        yield from _to(
            # Nothing will try again by itself, so nobody waits for anybody.
            tuple(Role) if summary.verdict == Ending.HALFWAY else END,
            key="closed",
            title=f"{summary.severity} {place.name}: {summary.runbook} {summary.verdict}",
            text=f"{summary.says} The record: incident timeline {summary.incident[:8]} --post-mortem",
        )


def _waits(summary: IncidentSummary, entries: Sequence[Entry], place: Environment) -> Iterator[Message]:
    question = open_question(entries)
    if question is None or now() > question.expires_at:
        return
    asked_at = next(datetime.fromisoformat(e.at) for e in entries if e.key == f"{question.key}/asked")
    severity = Severity(summary.severity or Severity.P2)
    minutes = {**LADDER[severity], **place.escalation.get(severity.value, {})}
    if question.key.startswith(f"{FOLLOW}/"):
        # Another one's verdict is waited for: people are called out for that one.
        minutes = {role: after for role, after in minutes.items() if role in END}
    for role, after in minutes.items():
        if now() - asked_at >= timedelta(minutes=after):
            yield _of(question, summary, place, role)
    if question.expires_at - asked_at >= LONG and question.expires_at - now() <= BEFORE_DUE:
        yield from (_of(question, summary, place, role, due=True) for role in END)


def _of(question: Question, summary: IncidentSummary, place: Environment, role: Role, *, due: bool = False) -> Message:
    return Message(
        key=f"{question.key}/due" if due else question.key,
        role=role,
        title=f"{summary.severity} {place.name}: {question.title}?{' It is due soon.' if due else ''}",
        text=f"{question.reason}\n\n{question.plan.does} {_to_do(question)}",
    )


def _to_do(question: Question) -> str:
    how = f"incident approve {question.incident[:8]}, or Resume in the Prefect UI."
    if question.key.startswith(f"{FOLLOW}/"):
        return f"\n\nTo decide otherwise: {how}"
    if not question.plan.commands:
        return f"\n\nWhen it is done, say so: {how}"
    return (
        f"Touches {question.plan.blast_radius}.\n\nWithout an answer until {question.expires_at:%H:%M} UTC nothing is "
        f"done. See the plan and decide: {how}"
    )


def _to(roles: Sequence[Role], *, key: str, title: str, text: str) -> Iterator[Message]:
    for role in roles:
        yield Message(key=key, role=role, title=title, text=text)


def _news(summary: IncidentSummary) -> timedelta:
    return HALFWAY_NEWS if summary.verdict == Ending.HALFWAY else NEWS


def _ago(at: str) -> timedelta:
    return now() - datetime.fromisoformat(at)

"""The middle of a page: what is asked, done and verified, for each kind of declaration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from runbooks.checklist import Health
from runbooks.markdown import block, code, table, text
from runbooks.model import AnyCheck, Declared, Manual, Part, Runbook, Step
from runbooks.parameter import Parameter
from runbooks.playbook import Maintenance, Playbook
from tasks.model import Threshold

ALL_AT_ONCE = "All questions are asked at once. They only read. Limits are in base units: seconds, bytes, ratios."


def sections(declared: Declared) -> Iterator[str]:
    """The paragraphs between the command and the drills."""
    match declared:
        case Runbook():
            yield from _runbook(declared)
        case Playbook():
            yield from _playbook(declared)
        case Maintenance():
            yield from _maintenance(declared)
        case Health():
            yield from _health(declared)


def _runbook(runbook: Runbook) -> Iterator[str]:
    yield "## Symptoms"
    yield "\n".join(_symptoms(runbook))
    yield "## Diagnosis"
    yield ALL_AT_ONCE
    yield from map(_question, runbook.diagnosis)
    yield "## Resolution"
    yield "A step is offered when its question answers BAD, and runs only after somebody approved its exact plan."
    if runbook.at_once:
        yield "One that is asked at once waits for no question: they are asked afterwards, and say whether it worked."
    yield from _steps(runbook)
    yield from _clock(runbook)
    yield "## Verification"
    yield _verification(runbook, "Recovered", "the questions that answered BAD answer OK again")
    yield "## Prevention"
    yield table(["Watched", "Every"], [[named(w.check), duration(w.every)] for w in runbook.prevention])


def _clock(runbook: Runbook) -> Iterator[str]:
    if runbook.clock is None:
        return
    yield "## Clock"
    yield (
        f"All of it within {duration(runbook.clock.within)} of the moment it was opened, the stages one after the "
        f"other. One that is late is told to on-call, seniors and managers. {text(runbook.clock.because)}"
    )
    yield table(["Stage", "Takes"], [[text(stage.title), duration(stage.takes)] for stage in runbook.clock.stages])


def _playbook(playbook: Playbook) -> Iterator[str]:
    if playbook.parameters:
        yield "## Parameters"
        yield table(["Parameter", "What to fill in", "Takes"], [_parameter(p) for p in playbook.parameters])
    yield "## Prerequisites"
    yield f"{ALL_AT_ONCE} Unless each answers OK or WARN, nothing is begun."
    yield from map(_question, playbook.prerequisites)
    yield "## Steps"
    yield (
        "Taken in this order, each only after somebody approved its exact plan, or signed off that it was done by "
        "hand. One that is rejected, fails or is not answered in time ends the playbook; what was done is offered to "
        "be taken back."
    )
    yield from _steps(playbook)
    yield "## Success"
    yield from (
        _question(a) if a not in playbook.prerequisites else f"- {named(a)}, as above" for a in playbook.success
    )
    yield "## Verification"
    yield _verification(playbook, "It worked", "these questions answer OK")


def _maintenance(maintenance: Maintenance) -> Iterator[str]:
    yield "## Window"
    yield f"{maintenance.window}, on the environment's clock. Nothing is begun after its end."
    yield _unattended(maintenance)
    if maintenance.prerequisites:
        yield "## Prerequisites"
        yield "Unless each answers OK or WARN, nothing is begun."
        yield from map(_question, maintenance.prerequisites)
    yield "## Diagnosis"
    yield ALL_AT_ONCE
    yield from (_question(asked) for asked in maintenance.diagnosis if asked not in maintenance.prerequisites)
    yield "## Steps"
    yield "A step is due when its question answers WARN or BAD; one without a question, when its plan finds work."
    yield from _steps(maintenance)
    yield "## Verification"
    yield _verification(maintenance, "Done", "the questions whose steps were taken answer OK")


def _health(health: Health) -> Iterator[str]:
    yield "## When"
    yield (
        f"{health.cadence}, on the environment's clock. One that was missed is made up within "
        f"{duration(health.cadence.due_for)}; later the next one asks the same."
    )
    yield "## Questions"
    yield (
        f"{ALL_AT_ONCE} A BAD answer opens the runbooks that watch the same question. What is not configured is not "
        "asked, and named once."
    )
    yield from map(_question, health.questions)
    if health.ran:
        yield "## What ran by itself"
        rows = [[code(ran.slug), duration(ran.within)] for ran in health.ran]
        yield table(["Ended well", "Within"], rows)
    if health.objectives:
        yield "## Objectives"
        yield "Where each objective of the environment stands: the budget that is left, and how fast it burns."
    if health.sign_offs:
        yield "## Signed off by people"
        yield (
            "Asked for once the questions are answered and told, one after the other, and due within "
            f"{duration(health.sign_off_within)}. What nobody signed is shown the next time."
        )
        yield from _steps(health)


def _unattended(maintenance: Maintenance) -> str:
    if maintenance.unattended is None:
        return "Every step waits for somebody's approval."
    most = maintenance.unattended.name.lower()
    return (
        f"Within the window, a step whose plan carries at most {most} risk is done without asking, and recorded as "
        "approved by this declaration. An environment may ask for more with `unattended_risk`. Every other step waits "
        "for somebody's approval, and so does every step of a run begun by hand outside the window."
    )


def _symptoms(runbook: Runbook) -> Iterator[str]:
    for symptom in runbook.symptoms:
        yield f"- Alert {code(symptom.alert)}" if symptom.alert else f"- “{text(symptom.heard)}”"


def _parameter(parameter: Parameter) -> list[str]:
    schema = parameter.schema
    bounds = {"pattern": "text like", "enum": "one of", "const": "only", "minimum": "from", "maximum": "to"}
    takes = [f"{word} {_shown(schema[name])}" for name, word in bounds.items() if name in schema] or [schema["type"]]
    if not parameter.required:
        takes.append(f"{_shown(parameter.default)} if left out")
    return [code(parameter.name), text(parameter.says), ", ".join(takes)]


def _shown(value: object) -> str:
    return ", ".join(map(_shown, value)) if isinstance(value, list) else code(str(value))


def named(asked: AnyCheck) -> str:
    """A check by its question and its name."""
    return f"{text(asked.question)} ({code(asked.name)})"


def _question(asked: AnyCheck) -> str:
    parts = [f"### {text(asked.question)}", f"{code(asked.name)} asks {_systems(asked)}."]
    if asked.notes:
        parts.append(block(asked.notes))
    if asked.thresholds:
        rows = [[code(name), *_limits(limit)] for name, limit in asked.thresholds.items()]
        parts.append(table(["Limit", "Warn", "Bad", "Because"], rows))
    return "\n\n".join(parts)


def _systems(asked: AnyCheck) -> str:
    kinds = dict.fromkeys(system.kind for system in asked.systems.values())
    return f"the environment's {', '.join(map(code, kinds))}" if kinds else "no system"


def _limits(limit: Threshold) -> list[str]:
    sign = "≥" if limit.bad > limit.warn else "≤"
    return [f"{sign} {limit.warn:,.10g}", f"{sign} {limit.bad:,.10g}", text(limit.because)]


def _steps(declared: Declared) -> Iterator[str]:
    called = " or ".join(verdict.name for verdict in sorted(declared.calls))
    for n, part in enumerate(declared.parts, start=1):
        yield _step(n, part, called)


def _people(share: float | None) -> list[str]:
    if share is None:
        return []
    return [f"- **People**: two different ones in production, if it touches more than {share:.0%}"]


def _step(n: int, part: Part, called: str) -> str:
    called_for = [f"- **When** {called}: {named(part.when)}"] if part.when else []
    if isinstance(part, Step) and part.at_once and part.when and part.action.mandate:
        called_for = [
            f"- **At once**, before any question: {text(part.action.mandate.may)}",
            f"- **It worked** when this answers OK: {named(part.when)}",
        ]
    if isinstance(part, Manual):
        quotes = " and ".join(map(named, part.quotes))
        quoted = [f"- **To copy**, under it: what was found by {quotes}"] if quotes else []
        told = ["\n".join([*called_for, *quoted])] if called_for or quoted else []
        return "\n\n".join([f"### {n}. {text(part.title)} (by hand)", *told, block(part.how)])
    lines = [
        *called_for,
        "- **Risk**: measured when it is planned, and shown with the plan: who is touched, and how many",
        f"- **Way back**: {text(part.action.way_back)}",
        *_people(part.action.two_people_above),
    ]
    said = [f"### {n}. {text(part.title)}", *([block(part.action.notes)] if part.action.notes else [])]
    return "\n\n".join([*said, "\n".join(lines)])


def _verification(declared: Declared, word: str, condition: str) -> str:
    hold, within = declared.verification.hold, declared.verification.within
    held = f" and keep answering OK for {duration(hold)}" if hold else ""
    return f"{word} means: {condition} within {duration(within)}{held}. An UNKNOWN never passes."


def duration(length: timedelta) -> str:
    """`length` in the largest unit that needs no fraction: 90 s, 5 minutes, 2 hours."""
    seconds = length.total_seconds()
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {noun}{'s' if count > 1 else ''}"
    return f"{seconds:g} s"

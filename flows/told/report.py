"""The post-mortem draft, written from the journal alone: it can be made again at any time, from any machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from flows.case.bodies import OLDER
from flows.case.case import Fate
from flows.journal import Entry, kinds
from flows.told.commands import commands_lines
from flows.told.show import lasted, moment, said, table, worsened
from runbooks import markdown

# An incident that a watch saw again every five minutes for a day; the journal keeps what is left out here.
ROWS = 300
# What each kind of entry brings to its end, and what the time until it was spent on.
STAGES = {
    kinds.Finding.kind: ("diagnosed", "diagnose"),
    kinds.Asked.kind: ("asked", "diagnose"),
    kinds.Answered.kind: ("answered", "decide"),
    kinds.Refused.kind: ("refused", "decide"),
    kinds.Expired.kind: ("expired", "decide"),
    kinds.Standing.kind: ("approved", "decide"),
    kinds.Outcome.kind: ("applied", "fix"),
    kinds.Verified.kind: ("verified", "verify"),
}


def report(entries: Sequence[Entry], thirty_days: Mapping[str, str] = MappingProxyType({})) -> str:
    """What happened, how long it took, what was found, decided and run, and what people have to add.

    `thirty_days` says in a line how a check's number went before; see flows/told/curves.py.
    """
    by_key: dict[str, Any] = {entry.key: entry.body for entry in entries}
    opened, closed = by_key["opened"], by_key.get("closed", {"verdict": "still open", "says": ""})
    return "\n".join(
        [
            f"# {said(opened['title'])} in {said(opened['environment'])}: {said(closed['verdict'])}",
            "",
            f"Incident {markdown.code(entries[0].incident)} · {_urgency(opened)}{said(opened.get('kind', 'runbook'))} "
            f"{markdown.code(opened['runbook'])} (version {markdown.code(opened['version'])}) · opened "
            f"{moment(entries[0].at)} by {said(entries[0].actor)}",
            "",
            "## What happened",
            "",
            *_paragraphs([opened["problem"], _reported(opened), _filled(opened), closed["says"]]),
            "## How long it took",
            "",
            *_pace(entries),
            "",
            "## Findings",
            "",
            *table([_finding_row(entry) for entry in _findings(entries)], ROWS),
            "",
            *_before(thirty_days, str(opened["environment"])),
            "## Decisions",
            "",
            *(_decisions(entries) or ["Nobody was asked."]),
            "",
            "## What was run",
            "",
            *(list(_run(entries)) or ["Nothing."]),
            "",
            *_worse(by_key.get("verify/ended", {})),
            *_left(by_key.get("halfway"), entries[0]),
            "## Impact and cause",
            "",
            "_To be written: who noticed it, for how long, and what made it possible._",
            "",
            "## Follow-ups",
            "",
            *(list(_follow_ups(entries)) or ["- None was recorded. Add what you learned."]),
            "",
            "## Timeline",
            "",
            *table([{"at (UTC)": e.at[11:19], "who": e.actor, "what": what(e)} for e in entries], ROWS),
            "",
            f"_Draft from {len(entries)} journal entries; the last one's hash is {markdown.code(entries[-1].hash)}._",
            "",
        ]
    )


def _urgency(opened: Mapping[str, Any]) -> str:
    """Planned work has none."""
    return f"{said(opened['severity'])} · " if opened["severity"] else ""


def _reported(opened: Mapping[str, Any]) -> str:
    return f"Reported: {opened['reason']}" if opened["reason"] else ""


def _filled(opened: Mapping[str, Any]) -> str:
    filled = opened.get("parameters", {})
    return f"With {', '.join(f'{name} = {value}' for name, value in filled.items())}." if filled else ""


def _paragraphs(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        if text:
            yield from (said(text), "")


def _pace(entries: Sequence[Entry]) -> list[str]:
    """From one stage to the next, and what the time was spent on."""
    opened = before = _at(entries[0])
    spent: dict[str, float] = defaultdict(float)
    rows: list[dict[str, Any]] = [{"until": "opened", "at (UTC)": entries[0].at[11:19], "took": "", "in all": ""}]
    for until, spent_on, entry in _stages(entries):
        took, so_far = (_at(entry) - before).total_seconds(), (_at(entry) - opened).total_seconds()
        rows.append({"until": until, "at (UTC)": entry.at[11:19], "took": lasted(took), "in all": lasted(so_far)})
        spent[spent_on] += took
        before = _at(entry)
    told = ", ".join(f"to {spent_on} {lasted(took)}" for spent_on, took in spent.items())
    return [*([f"Time {told}.", ""] if told else []), *table(rows, ROWS)]


def _stages(entries: Sequence[Entry]) -> Iterator[tuple[str, str, Entry]]:
    """What was reached, what the time until then was spent on, and the entry that shows it."""
    titles = {_step(e): str(e.body["title"]) for e in entries if e.is_a(kinds.Asked, kinds.Planned, kinds.Intent)}
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        # Only the last answer ends the diagnosis.
        if entry.kind not in STAGES or _between_findings(entry, following):
            continue
        word, spent_on = STAGES[entry.kind]
        title = titles.get(_step(entry), "")
        yield f"{word}: {title}" if title else word, spent_on, entry


def _between_findings(entry: Entry, following: Entry | None) -> bool:
    return entry.is_a(kinds.Finding) and following is not None and following.is_a(kinds.Finding)


def _step(entry: Entry) -> str:
    """The beginning that all keys of one step share."""
    return "/".join(entry.key.split("/")[:2])


def _at(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.at)


def _findings(entries: Sequence[Entry]) -> list[Entry]:
    """In the order in which the questions are declared; an older release did not record it."""
    opened: Any = entries[0].body
    declared = {name: n for n, name in enumerate(opened.get("checks", ()))}
    found = [entry for entry in entries if entry.is_a(kinds.Finding)]
    return sorted(found, key=lambda entry: declared.get(_check(entry), len(declared)))


def _finding_row(entry: Entry) -> dict[str, Any]:
    return {"check": _check(entry), "verdict": entry.body["verdict"], "says": entry.body["says"]}


def _before(thirty_days: Mapping[str, str], environment: str) -> Iterator[str]:
    if thirty_days:
        yield from ("Thirty days until the end:", "")
        for name, line in thirty_days.items():
            command = f"incident trend {name} --environment {environment}"
            yield f"- {markdown.code(name)}: {said(line)}; {markdown.code(command)}"
        yield ""


def _check(entry: Entry) -> str:
    return entry.key.removeprefix("diagnosis/")


def _decisions(entries: Sequence[Entry]) -> list[str]:
    rows: list[dict[str, Any]] = []
    asked: dict[str, Any] = {
        e.key.removesuffix("/asked"): e.body for e in entries if e.is_a(kinds.Asked, kinds.Planned)
    }
    for entry in entries:
        if not entry.is_a(kinds.Answered, kinds.Refused, kinds.Expired, kinds.Standing):
            continue
        body: Any = entry.body
        question = asked[entry.key.removesuffix("/answered")]
        rows.append(
            {
                "step": question["title"],
                "decision": body["decision"] if entry.is_a(kinds.Answered, kinds.Standing) else entry.kind,
                "by": body.get("name", ""),
                "at (UTC)": str(body.get("decided_at", entry.at))[11:19],
                "plan": question["digest"][:12],
                "note": body.get("refusal") or body.get("note", ""),
            }
        )
    return table(rows, ROWS) if rows else []


def _run(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        body: Any = entry.body
        if entry.is_a(kinds.Intent):
            yield from (f"**{said(body['title'])}** ({entry.at[11:19]} UTC)", "", *_commands(body["plan"], entry), "")
        if entry.is_a(kinds.Outcome, kinds.BrokenOff):
            yield from (f"→ {said(body['says'])}", "")


def _commands(plan: Mapping[str, Any], entry: Entry) -> list[str]:
    lines = [str(command["line"]) for command in plan["commands"]]
    return commands_lines(lines, plan.get("language", OLDER), f"`incident timeline {entry.incident[:8]} --json`")


def _worse(verified: Mapping[str, Any]) -> Iterator[str]:
    worse = [{name: one[name] for name in ("check", "was", "is", "says")} for one in verified.get("worse", ())]
    if worse:
        yield from ("## What got worse", "", *table(worse, ROWS), "")


def _left(left: Mapping[str, Any] | None, opened: Entry) -> Iterator[str]:
    """The state that somebody has to mend by hand, where an undo failed."""
    if left is None:
        return
    yield from ("## As it was left", "", "Begun, and not taken back:", "")
    yield from (*(f"- **{said(step['title'])}**: {said(step['says'])}" for step in left["begun"]), "")
    for step in left["not_taken_back"]:
        yield from (f"**{said(step['title'])}** {said(step['fate'])}: {said(step['says'])} By hand:", "")
        plan = {**step, "commands": [{"line": line} for line in step["commands"]]}
        yield from (*(_commands(plan, opened) if step["commands"] else ["There is no plan for it yet."]), "")
    yield from ("What was seen since:", "", *table(left["looks"], ROWS), "")


def what(entry: Entry) -> str:
    """An entry in one line."""
    return f"{entry.kind}: {sentence(entry)}"


def sentence(entry: Entry) -> str:
    """What an entry says, for a reader who sees its kind beside it."""
    body: Any = entry.body
    match entry.kind:
        case kinds.Opened.kind:
            return f"{body['title']} in {body['environment']}, {body['severity']}"
        case kinds.Planned.kind:
            return str(body["title"])
        case kinds.Standing.kind:
            return f"approved by {body['name']}: {body['note']}"
        case kinds.Answered.kind:
            return f"{body['decision']} by {body['name']}" + (f": {body['note']}" if body["note"] else "")
        case kinds.Refused.kind:
            return str(body["refusal"])
        case kinds.Expired.kind:
            return str(body["note"])
        case kinds.Step.kind:
            return f"{body['title']}: {body['fate']}. {body['says']}"
        case kinds.Verifying.kind:
            return f"the same questions must answer OK for {body['hold_s']:g} s"
        case kinds.Verified.kind:
            return ". ".join(filter(None, [str(body["ending"]), worsened(body)]))
        case _:
            return str(body.get("says") or body.get("title") or entry.key)


def _follow_ups(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in [*_findings(entries), *(entry for entry in entries if not entry.is_a(kinds.Finding))]:
        body: Any = entry.body
        if entry.is_a(kinds.Manual):
            # Its lines continue the item, or code within them would end the list.
            first, *rest = markdown.block(body["how"]).splitlines()
            yield from (f"- [ ] **{said(body['title'])}**: {first}", *(f"  {line}".rstrip() for line in rest))
        if entry.is_a(kinds.Finding) and body["remedy"]:
            yield f"- [ ] {said(body['says'])} {said(body['remedy'])}"
        if entry.is_a(kinds.Step) and body["fate"] in (Fate.FAILED, Fate.EXPIRED, Fate.REJECTED):
            yield f"- [ ] {said(body['title'])} ({said(body['fate'])}): {said(body['says'])}"

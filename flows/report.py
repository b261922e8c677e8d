"""The post-mortem draft, written from the journal alone: it can be made again at any time, from any machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flows.case import Fate
from flows.journal import Entry
from flows.show import table


def report(entries: Sequence[Entry]) -> str:
    """What happened, the timeline, the findings, what was approved by whom, what was run, the ending, follow-ups."""
    by_key: dict[str, Any] = {entry.key: entry.body for entry in entries}
    opened, closed = by_key["opened"], by_key.get("closed", {"verdict": "still open", "says": ""})
    return "\n".join(
        [
            f"# {opened['title']} in {opened['environment']}: {closed['verdict']}",
            "",
            f"Incident `{entries[0].incident}` · {opened['severity']} · runbook `{opened['runbook']}` "
            f"(version `{opened['version']}`) · opened {entries[0].at} by {entries[0].actor}",
            "",
            "## What happened",
            "",
            *_paragraphs([opened["problem"], opened["reason"] and f"Reported: {opened['reason']}", closed["says"]]),
            "## Findings",
            "",
            *table([_finding_row(e) for e in entries if e.kind == "finding"]),
            "",
            "## Decisions",
            "",
            *(_decisions(entries) or ["Nobody was asked."]),
            "",
            "## What was run",
            "",
            *(list(_run(entries)) or ["Nothing."]),
            "",
            "## Timeline",
            "",
            *table([{"at (UTC)": e.at[11:19], "who": e.actor, "what": what(e)} for e in entries]),
            "",
            "## Follow-ups",
            "",
            *(list(_follow_ups(entries)) or ["- None was recorded. Add what you learned."]),
            "",
            f"_Draft from {len(entries)} journal entries; the last one's hash is `{entries[-1].hash}`._",
            "",
        ]
    )


def _paragraphs(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        if text:
            yield from (text, "")


def _finding_row(entry: Entry) -> dict[str, Any]:
    return {"check": entry.key.removeprefix("diagnosis/"), "verdict": entry.body["verdict"], "says": entry.body["says"]}


def _decisions(entries: Sequence[Entry]) -> list[str]:
    rows: list[dict[str, Any]] = []
    asked: dict[str, Any] = {e.key.removesuffix("/asked"): e.body for e in entries if e.kind == "asked"}
    for entry in entries:
        if entry.kind not in ("answered", "refused", "expired"):
            continue
        body: Any = entry.body
        question = asked[entry.key.removesuffix("/answered")]
        rows.append(
            {
                "step": question["title"],
                "decision": body.get("decision") or entry.kind,
                "by": body.get("name", ""),
                "at (UTC)": str(body.get("decided_at", entry.at))[11:19],
                "plan": question["digest"][:12],
                "note": body.get("refusal") or body.get("note", ""),
            }
        )
    return table(rows) if rows else []


def _run(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        body: Any = entry.body
        if entry.kind == "intent":
            yield from (f"**{body['title']}** ({entry.at[11:19]} UTC)", "", "```sql")
            yield from (command["line"] for command in body["plan"]["commands"])
            yield from ("```", "")
        if entry.kind in ("outcome", "broken off"):
            yield from (f"→ {body['says']}", "")


def what(entry: Entry) -> str:
    """An entry in one line."""
    return f"{entry.kind}: {sentence(entry)}"


def sentence(entry: Entry) -> str:
    """What an entry says, for a reader who sees its kind beside it."""
    body: Any = entry.body
    match entry.kind:
        case "opened":
            return f"{body['title']} in {body['environment']}, {body['severity']}"
        case "answered":
            return f"{body['decision']} by {body['name']}" + (f": {body['note']}" if body["note"] else "")
        case "refused":
            return str(body["refusal"])
        case "expired":
            return str(body["note"])
        case "step":
            return f"{body['title']}: {body['fate']}. {body['says']}"
        case "verifying":
            return f"the same questions must answer OK for {body['hold_s']:g} s"
        case "verified":
            return str(body["ending"])
        case _:
            return str(body.get("says") or body.get("title") or entry.key)


def _follow_ups(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        body: Any = entry.body
        if entry.kind == "manual":
            yield f"- [ ] **{body['title']}**: {body['how']}"
        if entry.kind == "finding" and body["remedy"]:
            yield f"- [ ] {body['says']} {' '.join(body['remedy'].split())}"
        if entry.kind == "step" and body["fate"] in (Fate.FAILED, Fate.EXPIRED, Fate.REJECTED):
            yield f"- [ ] {body['title']} ({body['fate']}): {body['says']}"

"""The page of a runbook and the index of all, as Markdown: every word is read off the declaration.

`python -m runbooks.page` writes our pages beside their runbooks; a test fails when they are stale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from runbooks.catalog import OURS, Catalog, Catalogued
from runbooks.markdown import block, code, table, text
from runbooks.model import AnyCheck, Manual, Runbook, Step
from tasks.model import Threshold

# Tells our pages from those a person wrote: only these are ever called stale.
MARK = "do not edit"


def page(catalogued: Catalogued, catalog: Catalog) -> str:
    """One runbook as a person reads it."""
    runbook = catalogued.runbook
    parts = [
        f"# {text(runbook.title)}",
        f"{code(catalogued.slug)} · **{runbook.severity}**: somebody looks {runbook.severity.meaning}",
        text(runbook.problem),
        f"```sh\nincident run {catalogued.slug} --environment production\n```",
        "## Symptoms",
        "\n".join(_symptoms(runbook)),
        "## Diagnosis",
        "All questions are asked at once. They only read. Limits are in base units: seconds, bytes, ratios.",
        *(_question(asked) for asked in runbook.diagnosis),
        "## Resolution",
        "A step is offered when its question answers BAD, and runs only after somebody approved its exact plan.",
        *(_step(n, part) for n, part in enumerate(runbook.resolution, start=1)),
        "## Verification",
        _verification(runbook),
        "## Prevention",
        table(["Watched", "Every"], [[_named(w.check), duration(w.every)] for w in runbook.prevention]),
        *_drills(catalogued),
        *_related(catalogued, catalog),
        "## Keywords",
        text(", ".join(runbook.keywords)),
        f"---\n\n*Generated from {code(catalogued.place)}; {MARK}.*",
    ]
    return "\n\n".join(parts) + "\n"


def _symptoms(runbook: Runbook) -> Iterator[str]:
    for symptom in runbook.symptoms:
        yield f"- Alert {code(symptom.alert)}" if symptom.alert else f"- “{text(symptom.heard)}”"


def _named(asked: AnyCheck) -> str:
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


def _step(n: int, part: Step | Manual) -> str:
    called_for = [f"- **When** BAD: {_named(part.when)}"] if part.when else []
    if isinstance(part, Manual):
        return "\n\n".join([f"### {n}. {text(part.title)} (by hand)", *called_for, block(part.how)])
    lines = [
        *called_for,
        "- **Risk**: measured when it is planned, and shown with the plan: who is touched, and how many",
        f"- **Way back**: {text(part.action.way_back)}",
    ]
    said = [f"### {n}. {text(part.title)}", *([block(part.action.notes)] if part.action.notes else [])]
    return "\n\n".join([*said, "\n".join(lines)])


def _verification(runbook: Runbook) -> str:
    hold, within = runbook.verification.hold, runbook.verification.within
    held = f" and keep answering OK for {duration(hold)}" if hold else ""
    return (
        f"Recovered means: the questions that answered BAD answer OK again within {duration(within)}{held}. "
        "An UNKNOWN never passes."
    )


def _drills(catalogued: Catalogued) -> Iterator[str]:
    if not catalogued.runbook.drills:
        return
    yield "## Drills"
    yield "Broken on purpose in the lab or in staging, never in production:"
    yield f"```sh\nincident drill {catalogued.slug}\n```"
    titles = {type(step.action): step.title for step in catalogued.runbook.action_steps}
    rows = [[text(d.fault.title), _named(d.noticed_by), text(titles[d.resolved_by])] for d in catalogued.runbook.drills]
    yield table(["Fault", "Noticed by", "Resolved by"], rows)


def _related(catalogued: Catalogued, catalog: Catalog) -> Iterator[str]:
    related = catalog.related(catalogued.slug)
    if related:
        yield "## Related"
        yield "\n".join(f"- {_link(other, catalogued)}: {text(other.runbook.problem)}" for other in related)


def _link(to: Catalogued, source: Catalogued) -> str:
    """The title and the slug to type; linked where the other page stands in the same tree, for a team's may not."""
    title = text(to.runbook.title)
    linked = f"[{title}](../{_page_path(to)})" if _root(to) == _root(source) else title
    return f"{linked} ({code(to.slug)})"


def _root(entry: Catalogued) -> Path:
    return entry.source.parents[1]


def _page_path(entry: Catalogued) -> str:
    return entry.source.relative_to(_root(entry)).with_suffix(".md").as_posix()


def duration(length: timedelta) -> str:
    """`length` in the largest unit that needs no fraction: 90 s, 5 minutes, 2 hours."""
    seconds = length.total_seconds()
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {noun}{'s' if count > 1 else ''}"
    return f"{seconds:g} s"


def index(catalog: Catalog) -> str:
    """All runbooks: by category, then by keyword."""
    parts = [
        "# Runbooks",
        "`incident search WORDS` finds them by symptom and forgives typos; `incident show SLUG` shows a page.",
    ]
    for category, entries in groupby(catalog, key=lambda entry: entry.category):
        rows = [_index_row(entry) for entry in entries]
        parts += [f"## {text(category.capitalize())}", table(["Runbook", "Severity", "Problem", "Keywords"], rows)]
    parts += ["## By keyword", _keywords(catalog)]
    parts.append(f"---\n\n*Generated from the runbooks in this folder; {MARK}.*")
    return "\n\n".join(parts) + "\n"


def _index_row(entry: Catalogued) -> list[str]:
    runbook = entry.runbook
    link = f"[{text(runbook.title)}]({_page_path(entry)})"
    return [link, str(runbook.severity), text(runbook.problem), text(", ".join(runbook.keywords))]


def _keywords(catalog: Iterable[Catalogued]) -> str:
    places: dict[str, list[str]] = defaultdict(list)
    for entry in catalog:
        for word in entry.runbook.keywords:
            places[word.casefold()].append(f"[{text(entry.runbook.title)}]({_page_path(entry)})")
    return "\n".join(f"- **{text(word)}**: {', '.join(places[word])}" for word in sorted(places))


def write(catalog: Catalog, root: Path) -> list[Path]:
    """Write the pages of the runbooks under `root` and their index; returns the files that changed."""
    changed = []
    for file, content in _pages(catalog, root).items():
        if not file.exists() or file.read_text(encoding="utf-8") != content:
            file.write_text(content, encoding="utf-8")
            changed.append(file)
    return changed


def stale(catalog: Catalog, root: Path) -> list[str]:
    """A sentence for each page that is missing, differs from its declaration, or has lost its runbook."""
    pages, said = _pages(catalog, root), []
    for file, content in pages.items():
        if not file.exists():
            said.append(f"{file.relative_to(root)} is missing. Run `python -m runbooks.page`.")
        elif file.read_text(encoding="utf-8") != content:
            said.append(f"{file.relative_to(root)} differs from its runbook. Run `python -m runbooks.page`.")
    for file in sorted(set(root.glob("*/*.md")) - set(pages)):
        if MARK in file.read_text(encoding="utf-8"):
            said.append(f"{file.relative_to(root)} has no runbook any more. Delete it.")
    return said


def _pages(catalog: Catalog, root: Path) -> dict[Path, str]:
    here = Catalog(tuple(entry for entry in catalog if _root(entry) == root))
    pages = {entry.source.with_suffix(".md"): page(entry, catalog) for entry in here}
    return {root / "README.md": index(here), **pages}


if __name__ == "__main__":
    for written in write(Catalog.load(), OURS):
        print(written.relative_to(OURS.parent))

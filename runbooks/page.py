"""The page of a runbook, playbook or maintenance, and the index of all: every word is read off the declaration.

`python -m runbooks.page` writes our pages beside their runbooks; a test fails when they are stale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from runbooks.catalog import OURS, Catalog, Catalogued
from runbooks.markdown import code, table, text
from runbooks.sections import named, sections

# Tells our pages from those a person wrote: only these are ever called stale.
MARK = "do not edit"


def page(catalogued: Catalogued, catalog: Catalog) -> str:
    """One runbook, playbook or maintenance as a person reads it."""
    declared = catalogued.runbook
    parts = [
        f"# {text(declared.title)}",
        f"{code(catalogued.slug)} · {f'**{declared.urgency or declared.kind}**: {declared.begins}'}",
        text(declared.about),
        f"```sh\n{_command(catalogued)}\n```",
        *sections(declared),
        *_drills(catalogued),
        *_related(catalogued, catalog),
        "## Keywords",
        text(", ".join(declared.keywords)),
        f"---\n\n*Generated from {code(catalogued.place)}; {MARK}.*",
    ]
    return "\n\n".join(parts) + "\n"


def _command(catalogued: Catalogued) -> str:
    filled = "".join(f" --set {p.name}=…" for p in catalogued.runbook.parameters if p.required)
    return f"incident run {catalogued.slug} --environment production{filled}"


def _drills(catalogued: Catalogued) -> Iterator[str]:
    if not catalogued.runbook.drills:
        return
    yield "## Drills"
    yield "Broken on purpose in the lab or in staging, never in production:"
    yield f"```sh\nincident drill {catalogued.slug}\n```"
    titles = {type(step.action): step.title for step in catalogued.runbook.action_steps}
    rows = [[text(d.fault.title), named(d.noticed_by), text(titles[d.resolved_by])] for d in catalogued.runbook.drills]
    yield table(["Fault", "Noticed by", "Resolved by"], rows)


def _related(catalogued: Catalogued, catalog: Catalog) -> Iterator[str]:
    related = catalog.related(catalogued.slug)
    if related:
        yield "## Related"
        roots = [other for other in related if other.slug in catalogued.runbook.symptom_of]
        if roots:
            named = ", ".join(_link(root, catalogued) for root in roots)
            yield f"It may be a symptom of {named}: while an incident of that is open, this one waits for its verdict."
        yield "\n".join(f"- {_link(other, catalogued)}: {text(other.runbook.about)}" for other in related)


def _link(to: Catalogued, source: Catalogued) -> str:
    """The title and the slug to type; linked where the other page stands in the same tree, for a team's may not."""
    title = text(to.runbook.title)
    linked = f"[{title}](../{_page_path(to)})" if _root(to) == _root(source) else title
    return f"{linked} ({code(to.slug)})"


def _root(entry: Catalogued) -> Path:
    return entry.source.parents[1]


def _page_path(entry: Catalogued) -> str:
    return entry.source.relative_to(_root(entry)).with_suffix(".md").as_posix()


def index(catalog: Catalog) -> str:
    """All of them: by category and kind, then by keyword."""
    parts = [
        "# Runbooks",
        "`incident search WORDS` finds them by symptom and forgives typos; `incident show SLUG` shows a page.",
    ]
    for category, entries in groupby(catalog, key=lambda entry: entry.category):
        parts.append(f"## {text(category.capitalize())}")
        kinds: dict[str, list[Catalogued]] = defaultdict(list)
        for entry in entries:
            kinds[entry.runbook.kind].append(entry)
        parts += [_index_table(kinds[kind]) for kind in sorted(kinds, reverse=True)]
    parts += ["## By keyword", _keywords(catalog)]
    parts.append(f"---\n\n*Generated from the runbooks in this folder; {MARK}.*")
    return "\n\n".join(parts) + "\n"


def _index_table(entries: Sequence[Catalogued]) -> str:
    """Those of one kind within a category."""
    one = entries[0].runbook
    head = [one.kind.capitalize(), *one.when, one.about_as, "Keywords"]
    return table(head, [_index_row(entry) for entry in entries])


def _index_row(entry: Catalogued) -> list[str]:
    declared = entry.runbook
    link = f"[{text(declared.title)}]({_page_path(entry)})"
    return [link, *declared.when.values(), text(declared.about), text(", ".join(declared.keywords))]


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


def has_pages(root: Path) -> bool:
    """Were pages ever written there?"""
    return any(MARK in file.read_text(encoding="utf-8") for file in root.glob("README.md"))


def foreign(catalog: Catalog, root: Path) -> list[Path]:
    """The files in the place of a page that a person wrote."""
    there = [file for file in _pages(catalog, root) if file.exists()]
    return [file for file in there if MARK not in file.read_text(encoding="utf-8")]


def stale(catalog: Catalog, root: Path, command: str = "python -m runbooks.page") -> list[str]:
    """A sentence for each page that is missing, differs from its declaration, or has lost its runbook.

    `command` writes them anew.
    """
    pages, said = _pages(catalog, root), []
    for file, content in pages.items():
        if not file.exists():
            said.append(f"{file.relative_to(root)} is missing. Run `{command}`.")
        elif file.read_text(encoding="utf-8") != content:
            said.append(f"{file.relative_to(root)} differs from its runbook. Run `{command}`.")
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

"""incident runbooks, show, search: finding the right page."""

from __future__ import annotations

from deployments.commands.context import here
from deployments.commands.terminal import complain, console, errors, print_json, show_markdown, show_table
from runbooks.page import page


def runbooks(*, json: bool = False) -> int:
    """List every runbook, playbook and maintenance by its title, and how urgent it is; `incident show` has the rest.

    Exit code 1 if a file of the team cannot be used; which, and why, goes to standard error.

    Parameters
    ----------
    json
        Print a JSON list instead.
    """
    catalog = here().catalog
    if json:
        print_json(
            [
                {
                    "slug": c.slug,
                    "kind": c.runbook.kind,
                    "title": c.runbook.title,
                    "severity": c.runbook.urgency,
                    "keywords": list(c.runbook.keywords),
                    "problem": c.runbook.about,
                    "version": c.version,
                }
                for c in catalog
            ]
        )
    else:
        rows = [(c.slug, c.runbook.urgency or c.runbook.kind, c.runbook.title) for c in catalog]
        show_table(["runbook", "severity or kind", "title"], rows, whole=1)
    complain(catalog.complaints)
    return 1 if catalog.complaints else 0


def show(slug: str) -> int:
    """Show the page of a runbook, playbook or maintenance: symptoms, questions with their limits, steps, way back.

    Parameters
    ----------
    slug
        For example database/blocked-sessions. `incident runbooks` lists them.
    """
    catalog = here().catalog
    show_markdown(page(catalog.get(slug), catalog))
    return 0


def search(*words: str, json: bool = False) -> int:
    """Find what to do by what you see or hear; typing errors are forgiven.

    Parameters
    ----------
    words
        What is wrong, in your words: site hangs, lock, too many connections.
    json
        Print a JSON list instead.
    """
    if not words:
        errors.print("What is wrong? For example: incident search the site hangs")
        return 2
    catalog = here().catalog
    complain(catalog.complaints)
    hits = catalog.search(" ".join(words))
    if json:
        print_json([{"slug": h.slug, "kind": h.kind, "title": h.title, "snippet": h.snippet} for h in hits])
    elif hits:
        show_table(["runbook", "title", "where"], [(hit.slug, hit.title, hit.snippet) for hit in hits], whole=1)
    else:
        console.print(
            "No page fits. Try the words of the error itself, or fewer; `incident runbooks` lists all pages. If it is "
            "none of these, it is new: write down what you see and do, it becomes the next runbook."
        )
    return 0 if hits else 1

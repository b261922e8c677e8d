"""incident runbooks, show, search: finding the right page."""

from __future__ import annotations

from deployments.commands.context import here
from deployments.commands.terminal import console, errors, print_json, show_markdown, show_table
from runbooks.page import page


def runbooks(*, json: bool = False) -> int:
    """List every runbook: what it is for, and how urgent.

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
                    "title": c.runbook.title,
                    "severity": c.runbook.severity.value,
                    "keywords": list(c.runbook.keywords),
                    "problem": c.runbook.problem,
                    "version": c.version,
                }
                for c in catalog
            ]
        )
    else:
        show_table(
            ["runbook", "severity", "problem"], [(c.slug, c.runbook.severity.value, c.runbook.problem) for c in catalog]
        )
    return 0


def show(slug: str) -> int:
    """Show a runbook's page: symptoms, questions with their limits, steps, way back.

    Parameters
    ----------
    slug
        For example database/blocked-sessions. `incident runbooks` lists them.
    """
    catalog = here().catalog
    show_markdown(page(catalog.get(slug), catalog))
    return 0


def search(*words: str, json: bool = False) -> int:
    """Find a runbook by what you see or hear; typing errors are forgiven.

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
    hits = here().catalog.search(" ".join(words))
    if json:
        print_json([{"slug": hit.slug, "title": hit.title, "snippet": hit.snippet} for hit in hits])
    elif hits:
        show_table(["runbook", "title", "where"], [(hit.slug, hit.title, hit.snippet) for hit in hits])
    else:
        console.print("No runbook matches. `incident runbooks` lists all of them.")
    return 0 if hits else 1

"""incident publish: the catalog as Prefect deployments."""

from __future__ import annotations

from deployments.commands.context import Here, here
from deployments.commands.terminal import complain, print_json, say
from deployments.progress import Progress


def publish(*, dry_run: bool = False, json: bool = False) -> int:
    """Make the Prefect deployments what the runbooks and environments say; show every change.

    What was published of a runbook whose file is broken stays as it is; which is said, and the exit code is 1.

    Parameters
    ----------
    dry_run
        Only show what would change.
    json
        Print the changes as JSON.
    """
    at = here()
    at.require_stack()
    from deployments.publish import publish as make_so

    complaints = at.catalog.complaints
    changes = make_so(at.catalog, at.config, dry_run=dry_run)
    complain(complaints)
    if json:
        print_json([{"verb": c.verb, "deployment": c.name, "fields": c.fields} for c in changes])
        return 1 if complaints else 0
    for change in changes:
        say(str(change))
    if not changes:
        say("Nothing to change: every deployment is as declared.")
    elif dry_run:
        say("Nothing was changed (--dry-run).")
    return 1 if complaints else 0


def published(at: Here, say: Progress = say) -> None:
    """Publish on the way, in one line: the stack has just come up, or the environments have changed."""
    from deployments.publish import publish as make_so

    complain(at.catalog.complaints)
    changes = len(make_so(at.catalog, at.config))
    said = f"Published {changes} changed deployment{'s' if changes > 1 else ''}."
    say(said if changes else "All deployments are as declared.")

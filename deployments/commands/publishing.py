"""incident publish: the catalog as Prefect deployments."""

from __future__ import annotations

from deployments.commands.context import Here, here
from deployments.commands.terminal import print_json, say


def publish(*, dry_run: bool = False, json: bool = False) -> int:
    """Make the Prefect deployments what the runbooks and environments say; show every change.

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

    changes = make_so(at.catalog, at.config, dry_run=dry_run)
    if json:
        print_json([{"verb": c.verb, "deployment": c.name, "fields": c.fields} for c in changes])
        return 0
    for change in changes:
        say(str(change))
    if not changes:
        say("Nothing to change: every deployment is as declared.")
    elif dry_run:
        say("Nothing was changed (--dry-run).")
    return 0


def published(at: Here) -> None:
    """Publish on the way, in one line: the stack has just come up, or the environments have changed."""
    from deployments.publish import publish as make_so

    changes = len(make_so(at.catalog, at.config))
    said = f"Published {changes} changed deployment{'s' if changes > 1 else ''}."
    say(said if changes else "All deployments are as declared.")

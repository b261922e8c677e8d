"""incident publish: the catalog as Prefect deployments."""

from __future__ import annotations

from deployments.commands.context import here
from deployments.commands.terminal import console, print_json


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
        console.print(str(change), markup=False)
    if not changes:
        console.print("Nothing to change: every deployment is as declared.")
    elif dry_run:
        console.print("Nothing was changed (--dry-run).")
    return 0

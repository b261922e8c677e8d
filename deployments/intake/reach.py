"""Which runbooks nothing opens but a person: no watch is asked there, no rule names them.

What an alert may open by its name is among them: whether any monitoring has an alert of that name nobody here knows,
until one came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from flows.opening.routing import Rule
from runbooks.catalog import Catalog, Catalogued, watch_name
from runbooks.model import Runbook
from tasks.config import Config


@dataclass(frozen=True, kw_only=True)
class Unreached:
    """A runbook that no watch and no rule opens in that environment, and what would."""

    environment: str
    runbook: str
    says: str


def unreached(
    config: Config, catalog: Catalog, places: Collection[str], rules: Sequence[Rule], sources: Collection[str]
) -> Iterator[Unreached]:
    """Of the runbooks that have something to ask about in these environments.

    What a runbook asks first is what it is about: that it also asks the database is no reason to miss it where it has
    nothing else to ask.
    """
    ruled = {rule.runbook for rule in rules if not rule.source or rule.source in sources}
    runbooks = [entry for entry in catalog if isinstance(entry.runbook, Runbook)]
    for place in sorted(places):
        kinds = config.kinds(place)
        # Of a system whose own file cannot be used nobody knows what it lets be asked.
        if kinds is None:
            continue
        paused = config.paused_watches(place)
        for entry in runbooks:
            watched = [watch for watch in entry.runbook.watched if not watch.check.lacks(kinds)]
            if entry.slug in ruled or (entry.runbook.concerns[0].lacks(kinds) and not watched):
                continue
            if all(watch_name(entry.slug, watch) in paused for watch in watched):
                yield Unreached(environment=place, runbook=entry.slug, says=_advice(entry, paused=bool(watched)))


def _advice(entry: Catalogued, *, paused: bool) -> str:
    why = "Its watches are all in `paused_watches`" if paused else "What it watches is not configured"
    names = [symptom.alert for symptom in entry.runbook.noticed if symptom.alert]
    named = f", and no alert called {' or '.join(names)} has come" if names else ""
    rule = f'[[alerts.rules]] with title = "…" and runbook = "{entry.slug}"'
    take = "Take one out of there, or have" if paused else "Have"
    return f"{why}{named}. {take} an alert of yours open it{' by that name, or' if names else ''} by {rule}."

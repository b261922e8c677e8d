"""Which link of a chain is broken first: said to whoever is asked, whatever symptom calls for the step."""

from __future__ import annotations

from collections.abc import Mapping

from runbooks.chain import Chain
from runbooks.model import AnyCheck, Runbook
from tasks.environment import Environment
from tasks.model import Finding

NAMED = 4


def first_broken(runbook: Runbook, found: Mapping[AnyCheck, Finding], place: Environment) -> str:
    """The first broken link, and what could not be seen before it; empty where the questions stand in no such order.

    What `place` does not have cannot be broken there, and is not told.
    """
    chain = runbook.diagnosis
    if not isinstance(chain, Chain):
        return ""
    broken = chain.first_broken(found)
    unseen = [asked for asked in chain.unseen_before(broken, found) if not asked.lacks(place.kinds)]
    names = ", ".join(_named(asked) for asked in unseen[:NAMED])
    more = f" and {len(unseen) - NAMED} more" if len(unseen) > NAMED else ""
    if broken is None:
        return f"No link is seen to be broken; these could not be looked at: {names}{more}." if unseen else ""
    blind = f" Before it, these could not be looked at: {names}{more}." if unseen else ""
    return f"The first broken link ({_named(broken)}): {found[broken].says}{blind}"


def _named(asked: AnyCheck) -> str:
    return asked.name.removeprefix("check_").replace("_", " ")

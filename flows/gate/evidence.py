"""How long an approval may rest on what was seen when the question was asked.

Right before a step is begun, everything is looked at again anyway, and more than was approved voids the approval. What
was seen long ago binds more tightly: it was not only the effect that convinced whoever approved. After
`evidence_expires_s` the plan has to be the same to the letter, its evidence too, numbers and moments aside: those move
by themselves. Anything else is asked again, with what is seen now. So an answer after 50 minutes counts where nothing
has changed, and nobody is woken by questions that renew themselves.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from flows.case.case import Case
from flows.told.show import lasted
from tasks.model import Json, Plan, Row, canonical

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")


def expired(case: Case, ask: str, approved: Plan, fresh: Plan) -> str:
    """Why an approval given under `ask` no longer holds for `fresh`, the redacted plan of now; empty if it does."""
    asked = case.log.get(f"{ask}/asked")
    # By the record's own clock: with this machine's, one that was set back would keep it fresh for ever.
    age_s = case.log.age_s(asked) if asked else math.inf
    if age_s <= case.environment.evidence_expires_s or _same(approved, fresh):
        return ""
    return (
        f"The approval is void, because what it rests on was seen {lasted(age_s)} before, and it looks "
        "different now. Read what is seen now, then answer again."
    )


def known_before(approved: Plan, fresh: Plan) -> list[Row]:
    """What is seen now of what was shown with `approved`; what came since is left out."""
    shown = {canonical(_still(row)) for row in approved.evidence}
    return [row for row in fresh.evidence if canonical(_still(row)) in shown]


def _same(approved: Plan, fresh: Plan) -> bool:
    return (approved.effect, approved.risk, approved.loses, _steady(approved)) == (
        fresh.effect,
        fresh.risk,
        fresh.loses,
        _steady(fresh),
    )


def _steady(plan: Plan) -> list[bytes]:
    """The evidence without what moves by itself, in no particular order."""
    return sorted(canonical(_still(row)) for row in plan.evidence)


def _still(value: Json) -> Json:
    match value:
        case bool() | None:
            return value
        case int() | float():
            return 0
        case str():
            return "" if _MOMENT.fullmatch(value) else value
        case Mapping():
            return {name: _still(part) for name, part in value.items()}
        case _:
            return [_still(part) for part in value]

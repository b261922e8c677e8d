"""Have exactly the prospects that were shown enriched, or skipped: their status is written, and put back by the undo.

Who enriches is the application: what is written here is what it looks for. Its own trigger, its attempts and its pace
stay as they are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tasks.action import Action
from tasks.application.enrichment.checks import WAITED, said
from tasks.application.enrichment.queries import FAILED, FAILING, STUCK
from tasks.application.exact import Change, applied, apply, planned, undone
from tasks.application.system import ApplicationDatabase
from tasks.model import Outcome, Plan, Row, Threshold
from tasks.postgres.values import number
from tasks.postgres.words import count

NOUN = "prospects"
# Each costs a request or two at a vendor; and a plan is read by a person.
MOST = 500
# What failed before that, somebody has looked at, or nobody wants any more.
FAILED_WITHIN = timedelta(days=7)
# So often tried, a prospect fails for reasons of its own.
ATTEMPTS = 3


class _Enrich(Action):
    """Write the status of prospects."""

    narrows = True

    @abstractmethod
    def plan(self, *args: Any, **systems: Any) -> Plan:
        """Which ones, and why."""

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        return apply(application, plan)

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        return applied(application, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Give exactly these prospects the status that they had, unless somebody has changed it since."""
        return undone(plan)


class TriggerEnrichment(_Enrich):
    """Have the new prospects enriched that nobody has begun with.

    Those that have waited longer than the question's limit, the oldest first. They are put into the application's own
    queue; if nothing takes from that, its enrichment does not run, and no status helps.
    """

    def plan(self, application: ApplicationDatabase, waited: Threshold = WAITED) -> Plan:
        found = application.rows(STUCK, waited_s=waited.warn, most=MOST)
        return _written(application, found, "pending", "Put {prospects} into the queue")


class RetryFailedEnrichment(_Enrich):
    """Try the failed prospects again.

    Those of the last seven days that were not tried three times yet, where the application counts. Look first whether
    who failed them is well again: each is asked for, and paid for, once more.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        since = application.now() - FAILED_WITHIN
        found = application.rows(FAILED, since=since, attempts=ATTEMPTS, most=MOST)
        return _written(application, found, "pending", "Put {prospects} that failed into the queue again")


class SkipFailingProspects(_Enrich):
    """Skip the prospects that fail again and again.

    Those of the last seven days that were tried three times and more: what is wrong with them is theirs. They are kept
    as they are, and somebody may fill in by hand what was not found.
    """

    def plan(self, application: ApplicationDatabase) -> Plan:
        since = application.now() - FAILED_WITHIN
        found = application.rows(FAILING, since=since, attempts=ATTEMPTS, most=MOST)
        return _written(application, found, "skipped", "Skip {prospects} that failed " + f"{ATTEMPTS} times and more")


def _written(application: ApplicationDatabase, found: Sequence[Row], meaning: str, does: str) -> Plan:
    """Give these the first status that means `meaning`.

    Raises:
        Refused: a name is not mapped, or the role that acts may not write it. CannotLook: no answer.
    """
    to = application.values(f"prospects.statuses.{meaning}")[0]
    if not found:
        return planned(application, "Nothing to do: no such prospect is left.", [], noun=NOUN)
    part = application.prospects
    stamped = part is not None and not part.stamped_by_database
    changes = [
        Change(
            part="prospects",
            key=str(row["key"]),
            was={"status": str(row["status"]), **({"changed_at": str(row["changed_at"])} if stamped else {})},
            to={"status": to, **({"changed_at": str(row["hour"])} if stamped else {})},
        )
        for row in found
    ]
    rest = int(number(found[0]["total"])) - len(found)
    more = f" {rest:,} more {'wait' if rest > 1 else 'waits'} for the next time." if rest > 0 else ""
    why = Counter(said(row["error"]) for row in found if "error" in row)
    evidence: list[Row] = [{"error": error, "prospects": number_of} for error, number_of in why.most_common(10)]
    says = f"{does.replace('{prospects}', count(len(found), 'prospect'))}.{more}"
    return planned(application, says, changes, noun=NOUN, evidence=evidence)

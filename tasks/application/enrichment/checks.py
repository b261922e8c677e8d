"""What we ask about enrichment: do prospects wait too long, and how many of those that are tried fail, and why?"""

from __future__ import annotations

from datetime import timedelta

from tasks.application.enrichment.queries import ENDED, REASONS, WAITING
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.excerpt import excerpt
from tasks.mail.addresses import masked_in
from tasks.model import Finding, Json, Row, Threshold
from tasks.postgres.values import number
from tasks.postgres.words import count, span
from tasks.rates import Rate, percent

WAITED = Threshold(
    warn=6 * 3600,
    bad=24 * 3600,
    because="Owner: the team on call. Seconds since the oldest was taken in, or put into the queue: enrichment runs "
    "several times a day (seed S1), so what has waited for a whole day was passed over by all of its runs.",
)

FAILED = Threshold(
    warn=0.1,
    bad=0.25,
    because="Owner: the team on call. Of those that were tried within a day. One in ten has no website or address that "
    "could be found; when one in four fails, it is who is asked that fails, or what is asked for.",
)
TRIED_WITHIN = timedelta(days=1)
# Below this, two unlucky ones are a tenth.
LEAST = 20
LONGEST_REASON = 160


@check
def check_enrichment_waiting(application: ApplicationDatabase, waited: Threshold = WAITED) -> Finding:
    """Do prospects wait for their enrichment, and for how long?

    New ones, and those that wait their turn. How many they are is told, and not judged: a list that was just taken in
    is long.
    """
    row = application.rows(WAITING)[0]
    waiting, new, oldest_s = int(number(row["waiting"])), int(number(row["new"])), number(row["oldest_s"])
    facts: Row = {"waiting": waiting, "new": new}
    ended = _ended(application)
    done = count(ended["enriched"], "prospect") + f" {'were' if ended['enriched'] > 1 else 'was'} enriched within a day"
    if not waiting:
        says = f"No prospect waits to be enriched; {done.lower()}."
        return Finding(verdict=waited.judge(0.0), says=says, value=0.0, unit="s", facts=facts)
    return Finding(
        verdict=waited.judge(oldest_s),
        says=f"{count(waiting, 'prospect', 'wait')} to be enriched, {new:,} of them new; the oldest for "
        f"{span(oldest_s)} (bad from {span(waited.bad)}). {done}.",
        value=oldest_s,
        unit="s",
        facts=facts,
    )


@check
def check_enrichment_failures(application: ApplicationDatabase, failed: Threshold = FAILED) -> Finding:
    """How many of the prospects that were tried within a day failed, and why?

    The reasons are the application's own, cut, with addresses masked.
    """
    ended = _ended(application)
    rate = Rate(part=ended["failed"], whole=ended["failed"] + ended["enriched"], least=LEAST)
    reasons: list[Row] = []
    if ended["failed"] and application.knows(REASONS):
        rows = application.rows(REASONS, since=application.now() - TRIED_WITHIN)
        reasons = [{"error": said(row["error"]), "prospects": row["prospects"]} for row in rows]
    why = f" Most often: “{reasons[0]['error']}” ({reasons[0]['prospects']})." if reasons else ""
    return Finding(
        verdict=rate.judge(failed),
        says=f"The enrichment of {rate.says('prospects')} failed within a day (bad from {percent(failed.bad)}).{why}",
        value=rate.value,
        unit="ratio",
        facts={"enriched": ended["enriched"], "failed": ended["failed"]},
        rows=reasons,
    )


def said(error: Json) -> str:
    """A reason as it may be shown: on one line, cut, with addresses masked."""
    return excerpt(masked_in(str(error or "no reason")), LONGEST_REASON)


def _ended(application: ApplicationDatabase) -> dict[str, int]:
    """How many were enriched, and failed, within a day."""
    row = application.rows(ENDED, since=application.now() - TRIED_WITHIN)[0]
    return {name: int(number(row[name])) for name in ("enriched", "failed")}

"""What we ask an application's database about events that were told more than once."""

from __future__ import annotations

from tasks.application.rows.checks import RECENT
from tasks.application.rows.queries import DUPLICATES
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Threshold
from tasks.postgres.values import number
from tasks.postgres.words import count

SPARE_EVENTS = Threshold(
    warn=1,
    bad=20,
    because="Owner: the team on call. Providers tell moments in whole seconds, and two programs of one reader may open "
    "a mail in the same one; twenty in a week are a repetition that nothing catches, and rates of rows are wrong.",
)
SHOWN = 20


@check
def check_duplicate_events(application: ApplicationDatabase, spare: Threshold = SPARE_EVENTS) -> Finding:
    """Is the same event there more than once, under another id?

    Same mail, kind, moment and detail, within seven days: the unique index on `once` does not catch what comes with a
    new hash. Repeated unsubscribes and complaints are told and not judged: one too many harms nobody, one too few does.
    """
    rows = application.rows(DUPLICATES, since=application.now() - RECENT, most=SHOWN)

    total, evidence = (int(number(rows[0][name])) if rows else 0 for name in ("spare", "evidence"))
    besides = f" Besides {count(evidence, 'unsubscribe or complaint')} told again, which stay." if evidence else ""
    return Finding(
        verdict=spare.judge(total),
        says=f"{count(total, 'event')} of the last 7 days {'is' if total < 2 else 'are'} there once more under another "
        f"id (bad from {spare.bad:,.0f}).{besides}",
        value=float(total),
        unit="rows",
        facts={"spare": total, "evidence": evidence},
        rows=[{name: row[name] for name in ("send", "type", "at", "times")} for row in rows],
    )

"""What we ask an application about its users on their way in: who stands where, since when, and why."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

from tasks.application.onboarding.draft import shown, step_draft
from tasks.application.onboarding.queries import BARRED, ERRORS, FAILED, STANDING
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.excerpt import excerpt
from tasks.mail.addresses import masked
from tasks.model import Finding, Refused, Row, Threshold
from tasks.oauth.reasons import UNCLEAR, of_text
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

# Who has not moved for longer has left.
RECENT = timedelta(days=14)
QUIET = timedelta(days=1)
A_DAY = timedelta(days=1)
# Of so many users a person is told by name, as it were.
MOST_SHOWN = 100
# Of fewer users who came so far the share that stands there says nothing.
ENOUGH = 5

FAILED_FOR = Threshold(
    warn=3600,
    bad=14_400,
    because="Owner: the team on call. In seconds, of whoever has stood longest at a step that failed: a user tries "
    "again within the hour, and a customer who cannot get in is a P2, which somebody looks at within four hours.",
)
STANDING_SHARE = Threshold(
    warn=0.5,
    bad=0.8,
    because="Owner: the team on call. Of the users who came to a step within a fortnight, the share that has stood "
    "there for a day without an error: some always leave, but where most do, the step is broken and does not say so.",
)
SAME_ERROR = Threshold(
    warn=2,
    bad=5,
    because="Owner: the team on call. Users who met the same kind of error within a day: of one it is the user's own, "
    "five are ours or the provider's.",
)
BARRED_USERS = Threshold(
    warn=1,
    bad=5,
    because="Owner: the team on call. Users on their way who may not do what the next step needs: each was let in and "
    "then forgotten; of five, whatever gives out permissions is broken.",
)
# Of errors that are no OAuth server's: what they are about, by their words.
_ABOUT = {
    "domain records": re.compile(r"\b(dns|spf|dkim|dmarc|txt record|domain)\b", re.IGNORECASE),
    "mailbox login": re.compile(r"\b(smtp|imap|535|authentication failed|invalid login|password)\b", re.IGNORECASE),
    "permission": re.compile(r"\b(403|forbidden|permission|not allowed|denied)\b", re.IGNORECASE),
    "a service in trouble": re.compile(r"\b(timeout|timed out|429|50[0234]|ECONN\w+|unavailable)\b", re.IGNORECASE),
}


@check
def check_onboarding_failed(application: ApplicationDatabase, failed: Threshold = FAILED_FOR) -> Finding:
    """Does a user stand at a step of the onboarding that failed?

    Of the last fortnight: who has not moved for longer has left. Judged by the one who waits longest. The remedy is a
    mail to those at the first step of them, as a draft; nothing is sent.
    """
    now = application.now()
    rows = application.rows(FAILED, since=now - RECENT, until=now, most=MOST_SHOWN)

    longest_s = number(rows[0]["waits_s"]) if rows else 0.0
    total = int(number(rows[0]["total"])) if rows else 0
    steps = Counter(str(row["step"]) for row in rows)
    where = ", ".join(f"{step} ({users})" for step, users in steps.most_common(5))
    return Finding(
        verdict=failed.judge(longest_s),
        says=f"{count(total, 'user', 'stand')} at a step that failed, the longest for {span(longest_s)} (bad from "
        f"{limit(failed.bad)}): {where}."
        if rows
        else "No user of the last 14 days stands at a step that failed.",
        value=longest_s,
        unit="s",
        facts={"users": total},
        rows=[_user(row) for row in rows],
        remedy=step_draft(str(rows[0]["step"]), error_class(rows[0].get("error"))) if rows else "",
    )


@check
def check_onboarding_stuck(application: ApplicationDatabase, share: Threshold = STANDING_SHARE) -> Finding:
    """Is there a step of the onboarding behind which hardly anybody comes, although nothing fails?

    Of the users who came to a step within a fortnight, how many have stood there for a day without an error. By the
    order in `steps`; of fewer than five users nothing is judged.
    """
    steps = ordered_steps(application)
    now = application.now()
    rows = {str(row["step"]): row for row in application.rows(STANDING, since=now - RECENT, quiet=now - QUIET)}

    judged: list[tuple[float, str, int, int]] = []
    through = sum(int(number(row["through"])) for row in rows.values())
    for at, step in enumerate(steps):
        further = sum(
            int(number(rows[one]["users"]) - number(rows[one]["through"])) for one in steps[at:] if one in rows
        )
        reached, standing = further + through, int(number(rows[step]["standing"])) if step in rows else 0
        if reached >= ENOUGH:
            judged.append((standing / reached, step, standing, reached))
    worst = max(judged, default=(0.0, "", 0, 0))
    if not judged:
        says = f"Fewer than {ENOUGH} users came to any step within 14 days (too few to judge)."
    else:
        says = f"Of {worst[3]:,} users who came to the step {worst[1]!r} within 14 days, {worst[2]:,} have stood there "
        says += f"for a day, without an error ({100 * worst[0]:.0f}%; bad from {100 * share.bad:.0f}%)."
    return Finding(
        verdict=share.judge(worst[0]),
        says=says,
        value=worst[0],
        unit="ratio",
        rows=[{"step": step, "standing": standing, "reached": reached} for _, step, standing, reached in judged],
    )


@check
def check_onboarding_errors(application: ApplicationDatabase, same: Threshold = SAME_ERROR) -> Finding:
    """Do several users meet the same error on their way in?

    Of the last day, by kind: an OAuth server's refusals by what they mean, others by what they are about.
    """
    now = application.now()
    kinds: Counter[tuple[str, str]] = Counter()
    for row in application.rows(ERRORS, since=now - A_DAY):
        kinds[str(row["step"]), error_class(row["error"])] += int(number(row["users"]))

    most = kinds.most_common(1)[0] if kinds else (("", ""), 0)
    return Finding(
        verdict=same.judge(most[1]),
        says=f"{count(most[1], 'user')} met the same kind of error within a day: {most[0][1]}, at the step "
        f"{most[0][0]!r} (bad from {same.bad:,.0f})."
        if kinds
        else "No user met an error within a day.",
        value=float(most[1]),
        unit="users",
        rows=[{"step": step, "kind": kind, "users": users} for (step, kind), users in kinds.most_common(20)],
    )


@check
def check_onboarding_permissions(application: ApplicationDatabase, barred: Threshold = BARRED_USERS) -> Finding:
    """Does a user on the way in lack a permission, or an account that is active?

    What each user needs stands under `needs`; whether it is among the user's is asked by its name, whole.
    """
    part = application.onboarding
    needs = list(part.needs) if part else []
    if part is None or not ((part.account and part.accounts.active) or (part.permissions and needs)):
        raise Refused(
            "Nobody has said what a user needs on the way in.",
            remedy="Write in environments.toml, under onboarding of the application:\n\n"
            'account = "account_state"\naccounts = { active = ["active"] }\n'
            'permissions = "permissions"\nneeds = ["calendar.read"]',
        )
    rows = application.rows(BARRED, since=application.now() - RECENT, needs=needs)
    total = int(number(rows[0]["total"])) if rows else 0
    lacks = Counter(str(one) for row in rows for one in _texts(row.get("lacks")))
    inactive = sum(bool(row.get("inactive")) for row in rows)
    why = [
        *([f"{inactive:,} have no active account"] if inactive else []),
        *(f"{n:,} lack {one}" for one, n in lacks.items()),
    ]
    return Finding(
        verdict=barred.judge(total),
        says=f"{count(total, 'user')} on the way in may not do what it takes (bad from {barred.bad:,.0f}): "
        f"{', '.join(why[:5])}."
        if rows
        else "Every user on the way in has what it takes.",
        value=float(total),
        unit="users",
        rows=[
            {
                "user": str(row["key"]),
                "email": masked(str(row["email"])) if row.get("email") else "",
                "step": row["step"],
                "inactive": bool(row.get("inactive")),
                "lacks": ", ".join(_texts(row.get("lacks"))),
            }
            for row in rows
        ],
    )


def ordered_steps(application: ApplicationDatabase) -> tuple[str, ...]:
    """The steps in their order.

    Raises:
        Refused: nobody has said.
    """
    steps = application.onboarding.steps if application.onboarding else ()
    if not steps:
        raise Refused(
            "Nobody has said which steps the onboarding has.",
            remedy='Write in environments.toml, under onboarding, in their order: steps = ["domain", "inbox"]',
        )
    return steps


def error_class(error: object) -> str:
    """What kind of error it is, in a word or two."""
    said = str(error or "")
    reason = of_text(said)
    if reason is not UNCLEAR:
        return reason.name
    return next((about for about, words in _ABOUT.items() if words.search(said)), "other" if said else "none told")


def _user(row: Row) -> Row:
    error = str(row.get("error") or "")
    return {
        "user": str(row["key"]),
        "email": masked(str(row["email"])) if row.get("email") else "",
        "step": row["step"],
        "since": row["since"],
        "kind": error_class(error),
        "error": excerpt(shown(error), 200),
    }


def _texts(found: object) -> list[str]:
    return [str(one) for one in found] if isinstance(found, list) else []

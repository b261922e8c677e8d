"""Users' calendar connections that broke: why, by the error the application wrote down; and the dead tokens cleared.

No token is read, and none is tried. Microsoft gives a new refresh token with each use, so one that we tried would be
lost to the application; and the error of its own last refresh says the same.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from tasks.action import Action
from tasks.application.exact import as_usual, refuse_unwritable
from tasks.application.onboarding.checks import RECENT
from tasks.application.onboarding.draft import authorise_draft, provider_name, shown
from tasks.application.onboarding.queries import BROKEN, CLEAR_TOKENS, FINGERPRINTS, HELD_ERRORS
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.excerpt import excerpt
from tasks.mail.addresses import masked
from tasks.model import BlastRadius, Command, Finding, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.oauth.reasons import Reason, of_text
from tasks.postgres.along import written_since
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

MOST = 500
BROKEN_FOR = Threshold(
    warn=3600,
    bad=14_400,
    because="Owner: the team on call. In seconds, of the connection that has been broken longest: a passing refusal is "
    "made up for within the hour; a user whose calendar is silent is a P2, which somebody looks at within four hours.",
)
LOSES = (
    "The tokens of exactly these connections. The provider refuses them for good, so nothing works by them; each user "
    "has to authorise again in any case."
)


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One that broke. `mark`: of its refresh token, by a hash; empty where there is none, or it is not mapped."""

    key: str
    provider: str
    status: str
    email: str
    mark: str
    reason: Reason
    said: str
    waits_s: float
    total: int


def broken(application: ApplicationDatabase, most: int = MOST) -> list[Connection]:
    """Connections that broke within a fortnight, the longest first.

    Raises:
        Refused: they are not mapped; CannotLook: no answer.
    """
    now = application.now()
    return [
        Connection(
            key=str(row["key"]),
            provider=str(row["provider"]),
            status=str(row["status"]),
            email=masked(str(row["email"])) if row.get("email") else "",
            mark=str(row.get("mark") or ""),
            reason=of_text(str(row["error"] or "")),
            said=excerpt(shown(str(row["error"] or "")), 200),
            waits_s=number(row["waits_s"]),
            total=int(number(row["total"])),
        )
        for row in application.rows(BROKEN, since=now - RECENT, until=now, most=most)
    ]


@check
def check_calendar_connections(application: ApplicationDatabase, broken_for: Threshold = BROKEN_FOR) -> Finding:
    """Do users' calendar connections work, and if not, whose is it to mend?

    By the error that the application wrote down when it last refreshed the token: revoked, expired, password changed
    (the user authorises again); consent, second factor or policy (the token may be good); our client refused (ours, and
    every token is good). No token is read or tried here.
    """
    found = broken(application)

    longest_s = found[0].waits_s if found else 0.0
    why = Counter((provider_name(one.provider), one.reason) for one in found)
    said = "; ".join(
        f"{amount:,} at {provider}: {reason.means} ({reason.who} can mend it)"
        for (provider, reason), amount in why.most_common(4)
    )
    return Finding(
        verdict=broken_for.judge(longest_s),
        says=_sentence(found, longest_s, broken_for, said),
        value=longest_s,
        unit="s",
        facts={"connections": found[0].total if found else 0, "dead": sum(one.reason.dead for one in found)},
        rows=[_shown(one) for one in found[:100]],
    )


class ClearTokens(Action):
    """Clear the tokens that the provider refuses for good, and have the user asked to authorise again.

    Of exactly the connections shown, and only those whose own error says that the token is gone, then and still. Where
    a second factor, a policy or our own client is the cause the token is good, and stays. A mail to each is drafted in
    the plan; nothing is sent.
    """

    undo = NoWayBack(loses=LOSES)
    narrows = True

    def plan(self, application: ApplicationDatabase) -> Plan:
        application.values("connections.statuses.cleared")
        everyone = broken(application)
        found = [one for one in everyone if one.reason.dead and one.mark]
        good = sum(not one.reason.dead for one in everyone)
        stay = f" {count(good, 'other')} broke for another reason, and their tokens stay." if good else ""
        if not found:
            return _plan(f"Nothing to clear: no token is known to be gone for good.{stay}", (), 0)
        refuse_unwritable(application, "connections", ["refresh_token", "status"])
        providers = ", ".join(
            f"{n:,} at {name}" for name, n in Counter(provider_name(o.provider) for o in found).items()
        )
        return Plan(
            does=f"Clear the tokens of {count(len(found), 'calendar connection')} ({providers}), and mark them as to "
            f"be authorised again.{stay}",
            commands=tuple(_command(application, one) for one in found),
            blast_radius=BlastRadius(
                touched=len(found), total=max(found[0].total, len(found)), noun="broken connections"
            ),
            risk=Risk.MODERATE,
            loses=LOSES,
            evidence=[*(_shown(one) for one in found), *_drafts(found)],
        )

    def apply(self, application: ApplicationDatabase, plan: Plan) -> Outcome:
        targets = [command.target for command in plan.commands]
        cleared = application.values("connections.statuses.cleared")[0]
        with application.server.transaction() as session:
            as_usual(session)
            before = written_since(session)
            # Refused otherwise by now, by our own client or a policy, the token may be good after all.
            errors = session.run(application.filled(HELD_ERRORS), keys=[str(one["key"]) for one in targets])
            dead = {str(row["key"]) for row in errors if of_text(str(row["error"] or "")).dead}
            still = [one for one in targets if str(one["key"]) in dead]
            rows = json.dumps([{name: one[name] for name in ("key", "status", "mark")} for one in still])
            found = session.run(application.filled(CLEAR_TOKENS), rows=rows, cleared=cleared)
            done = {str(row["key"]) for row in found}
            schema, table, _ = application.column("connections.id")
            beyond = sum(written_since(session, before).values()) - len(found)
            if len(done) < len(found) or beyond > 0:
                raise Refused(
                    f"More than the {count(len(done), 'connection')} would be changed in {schema}.{table} and beside "
                    "it. Nothing was.",
                    remedy="Look whether connections.id is a key, and which triggers fire.",
                )
        left = [one for one in targets if str(one["key"]) not in done]
        moved = (
            f" {count(len(left), 'connection')} held something else by then, or broke otherwise: not touched."
            if left
            else ""
        )
        return Outcome(
            says=f"The tokens of {count(len(done), 'connection').lower()} of {len(targets):,} cleared.{moved} The "
            "mails to their users are drafted in the plan.",
            complete=not left,
            rows=[{**one, "fate": "cleared" if str(one["key"]) in done else "not touched"} for one in targets],
            not_done=left,
        )

    def applied(self, application: ApplicationDatabase, plan: Plan) -> bool | None:
        targets = [command.target for command in plan.commands]
        rows = application.rows(FINGERPRINTS, keys=[str(one["key"]) for one in targets])
        now = {str(row["key"]): row["mark"] for row in rows}
        return not any(now.get(str(one["key"])) == one["mark"] for one in targets)


def _sentence(found: list[Connection], longest_s: float, broken_for: Threshold, said: str) -> str:
    if not found:
        return "No calendar connection broke within 14 days."
    return (
        f"{count(found[0].total, 'calendar connection')} broke, the longest {span(longest_s)} ago (bad from "
        f"{limit(broken_for.bad)}): {said}."
    )


def _shown(one: Connection) -> Row:
    return {
        "connection": one.key,
        "user": one.email,
        "provider": one.provider,
        "reason": one.reason.name,
        "who": str(one.reason.who),
        "error": one.said,
    }


def _drafts(found: list[Connection]) -> list[Row]:
    """One for each provider and reason: the same words go to all of those users."""
    kinds = dict.fromkeys((one.provider, one.reason) for one in found)
    return [
        {"provider": provider, "reason": reason.name, "draft": authorise_draft(provider, reason)}
        for provider, reason in kinds
    ]


def _plan(does: str, commands: tuple[Command, ...], total: int) -> Plan:
    return Plan(
        does=does,
        commands=commands,
        blast_radius=BlastRadius(touched=len(commands), total=max(total, 1), noun="broken connections"),
        risk=Risk.MODERATE,
        loses=LOSES,
    )


def _command(application: ApplicationDatabase, one: Connection) -> Command:
    _, table, _ = application.column("connections.id")
    # Shown, never run: clear_tokens.sql does it.
    line = f"CLEAR TOKENS OF {table} '{one.key}' ({one.mark}, {one.reason.name});"
    # Called `token`, it would be taken for one, and never be written down.
    target = {"key": one.key, "status": one.status, "mark": one.mark, "reason": one.reason.name}
    return Command(line=line, target=target)

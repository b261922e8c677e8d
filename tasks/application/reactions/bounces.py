"""What we ask an application's database about mails that came back: of which campaign, to whom, from which domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tasks.application.control.settings import emergency_stop
from tasks.application.leads import BOUNCED_WITHIN, SOFT_TIMES, bounced, mailed_invalid, refused
from tasks.application.reactions.checks import BOUNCE_WINDOW, FEW_BOUNCES
from tasks.application.reactions.queries import BY_CAMPAIGN, BY_DOMAIN, CAPTURED
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.mail.limits import BLOCKED_BOUNCES, HARD_BOUNCES, LEAST_MAILS
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import count
from tasks.rates import Rate, percent

# Shown as evidence.
SHOWN = 20

LEADS_TO_END = Threshold(
    warn=1,
    bad=20,
    because="Owner: the team on call. Each is a bounce to come; twenty at once are 10 % of the 200 mails from which a "
    "rate is judged. Of fewer a person is told by day.",
)
DOMAIN_BOUNCES = Threshold(
    warn=0.1,
    bad=0.5,
    because="Owner: the team on call. Where a tenth of one domain's mails comes back while others take them, it is "
    "that domain that refuses us. It is a note, and never worse than WARN: campaigns are what is changed.",
)
# Of fewer to one domain, one mail in five is nothing.
LEAST_OF_DOMAIN = 50
CAPTURED_WITHIN = timedelta(days=30)
CAPTURED_WRONG = Threshold(
    warn=0.02,
    bad=0.05,
    because="Owner: who runs the sign-up form. Hard bounces are judged from 2 % up, and these are where they come "
    "from. It is a note, and never worse than WARN.",
)


@dataclass(frozen=True, kw_only=True)
class Bouncing:
    """A running campaign's mails of the last 24 hours and, of each kind, how many came back."""

    campaign: str
    name: str
    rates: dict[str, Rate]

    def verdict(self, limits: dict[str, Threshold], few: Threshold) -> Verdict:
        """The worst of the kinds that have a limit."""
        judged = [rate.judge(limits[kind], few) for kind, rate in self.rates.items() if kind in limits]
        return max(judged, default=Verdict.OK)

    @property
    def told(self) -> str:
        whole = next(iter(self.rates.values())).whole
        return f"of {whole:,} mails came back {', '.join(f'{rate.part:,} {kind}' for kind, rate in self.rates.items())}"


def bouncing(application: ApplicationDatabase) -> list[Bouncing]:
    """Every running campaign that sent within 24 hours.

    Raises:
        CannotLook, Refused: no answer, or a name is not mapped.
    """
    now = application.now()
    return [
        Bouncing(
            campaign=str(row["campaign"]),
            name=f"{row.get('name') or 'campaign'} ({row['campaign']})",
            rates={
                kind: Rate(part=int(number(row[kind])), whole=int(number(row["mails"])), least=LEAST_MAILS)
                for kind in ("hard", "blocked", "soft")
                if kind in row
            },
        )
        for row in application.rows(BY_CAMPAIGN, since=now - BOUNCE_WINDOW, until=now)
    ]


@check
def check_bounces_by_campaign(
    application: ApplicationDatabase,
    hard: Threshold = HARD_BOUNCES,
    blocked: Threshold = BLOCKED_BOUNCES,
    few: Threshold = FEW_BOUNCES,
) -> Finding:
    """Does a campaign that runs send mails that come back?

    Of each one's mails of the last 24 hours, by kind, each kind for itself: hard (the address does not exist) and
    blocked (the mail or its sender is not wanted) are judged, soft is told. Below 200 mails bounces are counted. A
    campaign that is paused, and a hard bounce whose address is marked since, are answered for.
    """
    found = bouncing(application)

    limits = {"hard": hard, "blocked": blocked}
    sick = [one for one in found if one.verdict(limits, few)]
    sick.sort(key=lambda one: (-one.verdict(limits, few), -sum(rate.part for rate in one.rates.values()), one.name))
    kinds = list(found[0].rates) if found else ["hard"]
    mails = sum(one.rates["hard"].whole for one in found)
    total = {kind: sum(one.rates[kind].part for one in found) for kind in kinds}
    says = f"{count(mails, 'mail')} of {count(len(found), 'running campaign')} went out in the last 24 h; came back: "
    says += ", ".join(f"{number:,} {kind}" for kind, number in total.items())
    if sick:
        says += f". Too many in {count(len(sick), 'campaign')}, most in {sick[0].name}: {sick[0].told}"
    worst = max((_worst(one) for one in found), default=0.0)
    return Finding(
        verdict=max((one.verdict(limits, few) for one in sick), default=Verdict.OK),
        says=f"{says} (bad from {percent(hard.bad)}; below {LEAST_MAILS} mails from {few.bad:,.0f}).",
        value=worst,
        unit="ratio",
        facts={"mails": mails, "campaigns": len(found), **total},
        rows=[
            {"campaign": one.name, "mails": one.rates["hard"].whole, **{k: rate.part for k, rate in one.rates.items()}}
            for one in sick[:SHOWN]
        ],
    )


@check
def check_sender_blocked(
    application: ApplicationDatabase, blocked: Threshold = BLOCKED_BOUNCES, few: Threshold = FEW_BOUNCES
) -> Finding:
    """Is the sender itself refused, whatever campaign it is?

    Blocked bounces of all running campaigns together, within 24 hours; below 200 mails they are counted. One campaign's
    content is asked about by campaign. While the emergency stop is on, that is the answer, where it is mapped.
    """
    found = [one.rates["blocked"] for one in bouncing(application) if "blocked" in one.rates]
    if not found:
        application.values("sends.bounces.blocked")
    rate = Rate(part=sum(one.part for one in found), whole=sum(one.whole for one in found), least=LEAST_MAILS)

    stopped = _stopped(application)
    bad = f"bad from {percent(blocked.bad)}; below {LEAST_MAILS} mails from {few.bad:,.0f}"
    return Finding(
        verdict=Verdict.OK if stopped else rate.judge(blocked, few),
        says=f"Of the mails of the last 24 h were blocked: {rate.says('mails')} ({bad}).{stopped}",
        value=rate.value or 0.0,
        unit="ratio",
        facts={"mails": rate.whole, "blocked": rate.part},
    )


@check
def check_bounced_leads(application: ApplicationDatabase, leads: Threshold = LEADS_TO_END) -> Finding:
    """Is any address whose mail came back for good still written to?

    One hard bounce within fourteen days is enough: it will come back again. A blocked mail says nothing about the
    address, and a soft bounce passes; they are left out.
    """
    found = bounced(application, SHOWN)
    return _leads(found, leads, "bounced hard within 14 days and may still be written to")


@check
def check_refused_leads(application: ApplicationDatabase, leads: Threshold = LEADS_TO_END) -> Finding:
    """Does any mailbox refuse our mails again and again?

    Three soft bounces within fourteen days, of leads that still get mail: full mailboxes, and such as are given up.
    """
    found = refused(application, SHOWN)
    times = f"{SOFT_TIMES} soft bounces within {BOUNCED_WITHIN.days} days"
    return _leads(found, leads, f"had {times} and still {'gets' if _total(found) == 1 else 'get'} mail")


@check
def check_mail_to_invalid_leads(application: ApplicationDatabase, leads: Threshold = LEADS_TO_END) -> Finding:
    """Does any lead whose address is marked invalid still get mail?

    Enrolments that go on. What was finished before is left out.
    """
    found = mailed_invalid(application, SHOWN)
    return _leads(found, leads, "marked invalid still in a campaign that mails them", verb=False)


@check
def check_bounces_by_domain(application: ApplicationDatabase, refusing: Threshold = DOMAIN_BOUNCES) -> Finding:
    """Do the mails that come back come from one domain?

    Of the mails of the last 24 hours, all kinds of bounces together, by the domain of the address; domains with fewer
    than 50 mails are left out. A note, and never worse than WARN.
    """
    now = application.now()
    rows = application.rows(BY_DOMAIN, since=now - BOUNCE_WINDOW, until=now)

    rates: dict[str, Rate] = {
        str(row["domain"]): Rate(
            part=int(number(row["bounced"])), whole=int(number(row["mails"])), least=LEAST_OF_DOMAIN
        )
        for row in rows
    }
    judged = {domain: rate for domain, rate in rates.items() if rate.enough}
    sick = {domain: rate for domain, rate in judged.items() if rate.judge(refusing)}
    few = len(rates) - len(judged)
    says = f"Mails of the last 24 h came back from {count(len(rates), 'domain')}"
    says += f", {few:,} of them with fewer than {LEAST_OF_DOMAIN} mails (too few to judge)" if few else ""
    if sick:
        first = max(sick, key=lambda domain: sick[domain].part)
        says += f"; {count(len(sick), 'domain', 'refuse')} too many, most {first}: {sick[first].says('mails')}"
    return Finding(
        verdict=Verdict.WARN if sick else Verdict.OK,
        says=f"{says} (noted from {percent(refusing.warn)}).",
        value=max((rate.value or 0.0 for rate in judged.values()), default=0.0),
        unit="ratio",
        rows=rows[:SHOWN],
    )


@check
def check_captured_addresses(application: ApplicationDatabase, wrong: Threshold = CAPTURED_WRONG) -> Finding:
    """Are addresses taken in that cannot be right?

    Of the leads of the last thirty days: what is no address by its form, and what came back for good. Judged from 200
    up; a note, and never worse than WARN.
    """
    row = application.rows(CAPTURED, since=application.now() - CAPTURED_WITHIN)[0]

    malformed, back = int(number(row["malformed"])), int(number(row["bounced"]))
    rate = Rate(part=max(malformed, back), whole=int(number(row["leads"])), least=LEAST_MAILS)
    few = "" if rate.enough else f" (too few to judge: {LEAST_MAILS} are needed)"
    return Finding(
        verdict=min(rate.judge(wrong), Verdict.WARN),
        says=f"Of {rate.whole:,} addresses taken in within {CAPTURED_WITHIN.days} days {malformed:,} have no address's "
        f"form and {back:,} came back for good{few} "
        f"(noted from {percent(wrong.warn)}).",
        value=rate.value or 0.0,
        unit="ratio",
        facts={"leads": rate.whole, "malformed": malformed, "bounced": back},
    )


def _stopped(application: ApplicationDatabase) -> str:
    """Whether the emergency stop is on, in words; empty where it is not, or nobody has said what it is."""
    if not application.settings or not application.settings.stop:
        return ""
    stop = emergency_stop(application)
    return f" The emergency stop is on, {stop.said(application.now())}." if stop.stops else ""


def _leads(found: Sequence[Row], limit: Threshold, what: str, *, verb: bool = True) -> Finding:
    total = _total(found)
    is_ = "" if verb else "is " if total < 2 else "are "
    return Finding(
        verdict=limit.judge(total),
        says=f"{count(total, 'lead')} {is_}{what} (bad from {limit.bad:,.0f}).",
        value=float(total),
        unit="leads",
        rows=[{name: row[name] for name in row if name not in ("total", "status")} for row in found],
    )


def _total(found: Sequence[Row]) -> int:
    return int(number(found[0]["total"])) if found else 0


def _worst(one: Bouncing) -> float:
    return max((rate.value or 0.0 for kind, rate in one.rates.items() if kind != "soft"), default=0.0)

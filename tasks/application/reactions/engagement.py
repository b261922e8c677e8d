"""What we ask an application's database about campaigns that nobody reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tasks.application.reactions.by_campaign import PATIENCE_S, judged, reacted_by_campaign
from tasks.application.reactions.queries import CLICKS_BY_CAMPAIGN, OPENS_BY_CAMPAIGN
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Threshold, Verdict
from tasks.rates import Rate, percent

LOW_OPENS = Threshold(
    warn=0.3,
    bad=0.2,
    because="Owner: who writes the campaigns. Seed S3's target is 30 %, its alert 20 %. Image proxies open mail by "
    "themselves, so alone it proves nothing: BAD is only what is not clicked, either.",
)
LOW_CLICKS = Threshold(
    warn=0.03,
    bad=0.02,
    because="Owner: who writes the campaigns. Seed S3's alert is 2 %; from 3 % down a campaign is on its way there.",
)
# Whoever opens a mail has done so after two days.
SETTLED_AFTER = timedelta(days=2)
WEEK = timedelta(days=7)
SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Engaged:
    """A running campaign's settled mails of a week: opened, and clicked."""

    campaign: str
    name: str
    rate: Rate
    clicks: Rate

    def verdict(self, opens: Threshold, clicks: Threshold) -> Verdict:
        """As good as the better of the two; of too few mails nothing is said."""
        return min(self.rate.judge(opens), self.clicks.judge(clicks)) if self.rate.enough else Verdict.OK

    @property
    def told(self) -> str:
        return f"of {self.rate.whole:,} mails {_share(self.rate)} were opened and {_share(self.clicks)} clicked"


def engaged(application: ApplicationDatabase) -> list[Engaged]:
    """Every running campaign that sent within the week that ended two days ago.

    Raises:
        CannotLook, Refused: no answer, or a name is not mapped.
    """
    until = application.now() - SETTLED_AFTER
    opens = reacted_by_campaign(application, OPENS_BY_CAMPAIGN, until - WEEK, until)
    clicks = {
        one.campaign: one.rate for one in reacted_by_campaign(application, CLICKS_BY_CAMPAIGN, until - WEEK, until)
    }
    return [
        Engaged(campaign=one.campaign, name=one.name, rate=one.rate, clicks=clicks[one.campaign])
        for one in opens
        # One that began to run between the two looks is seen the next time.
        if one.campaign in clicks
    ]


@check(limit=timedelta(seconds=4 * PATIENCE_S))
def check_low_engagement(
    application: ApplicationDatabase, opens: Threshold = LOW_OPENS, clicks: Threshold = LOW_CLICKS
) -> Finding:
    """Is there a campaign that is neither opened nor clicked?

    Of each running campaign's mails of the week that ended two days ago. BAD where both rates are below their limits:
    one alone may be a proxy, or a mail that needs no click. Counted from the events themselves, so that no missing or
    differently kept daily figure hides or invents it. Judged from 200 mails up; a mail opened twice is opened once.
    """
    found = engaged(application)

    verdicts = {one.campaign: one.verdict(opens, clicks) for one in found}
    sick = [one for one in found if verdicts[one.campaign]]
    sick.sort(key=lambda one: (-verdicts[one.campaign], one.rate.value, one.campaign))
    both = sum(verdict is Verdict.BAD for verdict in verdicts.values())
    limits = f"{percent(opens.bad)} opened and {percent(clicks.bad)} clicked"
    says = f"Of {judged([one.rate for one in found])} {both:,} {'is' if both == 1 else 'are'} below {limits}"
    if sick:
        says += f", {len(sick) - both:,} near it; the lowest {sick[0].name}: {sick[0].told}"
    return Finding(
        verdict=max(verdicts.values(), default=Verdict.OK),
        says=f"{says}.",
        value=min((one.rate.value or 0.0 for one in found if one.rate.enough), default=1.0),
        unit="ratio",
        facts={"campaigns": len(found), "low": both, "mails": sum(one.rate.whole for one in found)},
        rows=[
            {"campaign": one.name, "mails": one.rate.whole, "opened": one.rate.part, "clicked": one.clicks.part}
            for one in sick[:SHOWN]
        ],
    )


def _share(rate: Rate) -> str:
    return percent(rate.value or 0.0)

"""Prospects are not enriched: nobody begins with them, who is asked refuses or is down, or they fail one by one."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.application.asking.actions import SlowDownGrok
from tasks.application.asking.faults import LimitGrok
from tasks.application.enrichment.actions import RetryFailedEnrichment, SkipFailingProspects, TriggerEnrichment
from tasks.application.enrichment.checks import check_enrichment_failures, check_enrichment_waiting
from tasks.application.enrichment.faults import FailProspects, PassOverProspects
from tasks.grok.actions import UseSpareGrokKey
from tasks.grok.checks import (
    check_grok_answers,
    check_grok_credit,
    check_grok_key,
    check_grok_rate_limit,
    check_grok_status,
)
from tasks.million_verifier.checks import (
    check_million_verifier_answers,
    check_million_verifier_credits,
    check_million_verifier_key,
)

runbook = Runbook(
    title="Enrichment is stuck",
    problem=(
        "Prospects stay as they were taken in, without website or address: nobody begins with them, Grok or "
        "MillionVerifier is down, refuses our key, holds us back or has no credit left for us, or they fail one by one."
    ),
    severity=Severity.P2,
    keywords=(
        "enrichment",
        "enrich",
        "prospects",
        "leads",
        "new",
        "stuck",
        "pending",
        "grok",
        "x.ai",
        "xai",
        "millionverifier",
        "email verification",
        "credits",
        "api key",
        "429",
        "503",
        "rate limit",
        "retry failed",
        "skip",
    ),
    symptoms=(
        Symptom(alert="EnrichmentStuck"),
        Symptom(alert="EnrichmentFailing"),
        Symptom(alert="EnrichmentProviderDown"),
        Symptom(heard="Prospects stay on 'new' for days."),
        Symptom(heard="No website or mail address is added any more."),
        Symptom(heard="The enrichment queue only grows."),
    ),
    diagnosis=(
        check_enrichment_waiting,
        check_enrichment_failures,
        check_grok_answers,
        check_grok_status,
        check_grok_key,
        check_grok_credit,
        check_grok_rate_limit,
        check_million_verifier_answers,
        check_million_verifier_key,
        check_million_verifier_credits,
    ),
    resolution=(
        # First who is asked, then those about whom is asked: what is tried again too soon fails again, and is paid for.
        Step(UseSpareGrokKey(), when=check_grok_key),
        Manual(
            "Make a new key at x.ai",
            when=check_grok_key,
            how="""\
x.ai answers 400, not 401, to a key that it does not know; of one that is blocked or switched off it says so. Look in
its console who did that and why, make a new one, put it where the application reads it, and restart the application
if it reads it only at its start. Nothing that failed by that was paid for: try it all again.""",
        ),
        Manual(
            "Buy credit at x.ai",
            when=check_grok_credit,
            how="""\
A team without credit is blocked, with every key of it. Buy credit in its console, and have it bought by itself below a
limit. Afterwards try the failed prospects again.""",
        ),
        Step(SlowDownGrok(), when=check_grok_rate_limit),
        Manual(
            "Wait for x.ai, or enrich without it",
            when=check_grok_answers,
            how="""\
Its status page (status.x.ai) knows more. Meanwhile let the application put prospects aside, not try them without end:
each attempt counts. If it has another source for the same, have it use that one; mark what came from there. When x.ai
is well again, try the failed ones again with the step below.""",
        ),
        Manual(
            "Wait for MillionVerifier, and write to nobody unverified",
            when=check_million_verifier_answers,
            how="""\
It has no status page that we know; look at its website. Hold the prospects back whose address was not verified: an
address that bounces costs more than a day. A verification that broke off may have been paid for: look at its account
before hundreds are tried again.""",
        ),
        Manual(
            "Put MillionVerifier's key right",
            when=check_million_verifier_key,
            how="""\
It refuses with a 200 and a word ("Apikey not found", "IP address blocked"): an application that looks at the status
alone takes every address for checked. Look at what was written since, and verify those again. Take the key from its
account, under API, and have our machine's address let in there.""",
        ),
        Manual(
            "Buy credits at MillionVerifier",
            when=check_million_verifier_credits,
            how="""\
One address, one credit; unknown ones are given back. The finding says how many are left, check_enrichment_waiting how
many prospects wait: buy for both, and for a month. Credits do not end.""",
        ),
        Step(TriggerEnrichment(), when=check_enrichment_waiting),
        Manual(
            "Have enrichment run",
            when=check_enrichment_waiting,
            how="""\
If prospects wait in the queue and none is enriched, nothing takes from it: look whether the workflow or cron that
enriches is switched on, when it ran last, and what it logged. Start that, not a second one beside it: two that take the
same prospect pay for it twice.""",
        ),
        Step(RetryFailedEnrichment(), when=check_enrichment_failures),
        Step(SkipFailingProspects(), when=check_enrichment_failures),
        Manual(
            "Clean up what cannot be enriched",
            when=check_enrichment_failures,
            how="""\
The reasons above, by number. One reason for nearly all is who is asked, or a change of ours: look at the day's deploy.
Many reasons, each for a few, are the prospects' own: no company name, a website that is gone, two in one row. Mend what
can be mended where it comes from, and have the rest skipped: one that is tried for ever holds up others.""",
        ),
    ),
    verification=Verify(hold=timedelta(minutes=2), within=timedelta(hours=1)),
    prevention=(
        Watch(check_enrichment_waiting, every=timedelta(hours=1)),
        Watch(check_enrichment_failures, every=timedelta(minutes=30)),
        # One answer is noise: an outage of seconds, a burst.
        Watch(check_grok_answers, every=timedelta(minutes=10), settle=Settle(bad=2, of=3)),
        Watch(check_grok_rate_limit, every=timedelta(minutes=10), settle=Settle(bad=2, of=3)),
        Watch(check_grok_key, every=timedelta(minutes=30)),
        Watch(check_grok_credit, every=timedelta(minutes=30)),
        Watch(check_million_verifier_answers, every=timedelta(minutes=10), settle=Settle(bad=2, of=3)),
        Watch(check_million_verifier_key, every=timedelta(minutes=30)),
        Watch(check_million_verifier_credits, every=timedelta(hours=6)),
    ),
    related=("workflows/claude-timeouts",),
    drills=(
        Drill(fault=FailProspects(), noticed_by=check_enrichment_failures, resolved_by=RetryFailedEnrichment),
        Drill(fault=LimitGrok(), noticed_by=check_grok_rate_limit, resolved_by=SlowDownGrok),
        Drill(fault=PassOverProspects(), noticed_by=check_enrichment_waiting, resolved_by=TriggerEnrichment),
    ),
)

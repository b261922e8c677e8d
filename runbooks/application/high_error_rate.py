"""Requests are answered with 5xx: since when, at which endpoint, and after which deployment."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.logs.checks import check_log_errors
from tasks.platform.actions import RollBack
from tasks.platform.checks import check_deployments
from tasks.platform.faults import DeployBadVersion
from tasks.postgres.connections.checks import check_can_connect, check_connection_slots
from tasks.redis.checks import check_redis_answers
from tasks.requests.checks import check_calls_to_others, check_request_errors
from tasks.requests.deployed import check_deployment_before_errors
from tasks.requests.released import check_release_before_errors
from tasks.sentry.actions import AssignNewIssues, ResolveNewIssues
from tasks.sentry.checks import check_sentry_new_issues, check_sentry_releases, check_sentry_rising_issues
from tasks.website.checks import check_website_answers

runbook = Runbook(
    title="Requests fail",
    problem=(
        "The application answers more requests with 5xx than it may: most often since a deployment, else because "
        "something it needs does not answer, or since somebody asks it for what it was never asked before."
    ),
    severity=Severity.P1,
    keywords=(
        "error rate",
        "5xx",
        "500",
        "502",
        "503",
        "504",
        "internal server error",
        "bad gateway",
        "exceptions",
        "deployment",
        "roll back",
        "rollback",
        "release",
        "regression",
        "hotfix",
        "sentry",
        "api errors",
        "error budget",
    ),
    symptoms=(
        Symptom(alert="HighErrorRate"),
        Symptom(alert="HighHttpErrorRate"),
        Symptom(alert="Http5xxRateHigh"),
        Symptom(alert="ErrorBudgetBurn"),
        Symptom(heard="Since the deployment users see error pages."),
        Symptom(heard="The API answers 500 now and then; trying again helps."),
        Symptom(heard="One page always fails, all others work."),
        Symptom(heard="Errors jumped and nobody changed anything."),
    ),
    diagnosis=(
        check_request_errors,
        check_deployment_before_errors,
        check_deployments,
        check_sentry_new_issues,
        check_sentry_rising_issues,
        check_sentry_releases,
        check_release_before_errors,
        check_log_errors,
        check_calls_to_others,
        check_can_connect,
        check_connection_slots,
        check_redis_answers,
        check_website_answers,
    ),
    resolution=(
        # Before anything is looked for: it takes a minute, and the cause can be found while users are served.
        Step(RollBack(), when=check_deployment_before_errors),
        Manual(
            "Let the release before serve again, by hand",
            when=check_release_before_errors,
            how="""\
Sentry knows what was released, and cannot take it back. Where a platform is configured (vercel, fly, cloudflare-worker,
docker-service) the step above does it; else the way that the release came:

1. The tag or image before it, which is named in the finding's rows, by the same pipeline; nothing is built anew.
2. Not where its migrations have taken away what the version before needs: then a hotfix.""",
        ),
        Step(AssignNewIssues(), when=check_sentry_new_issues),
        # Last: what is resolved before it is mended opens itself again, as a regression.
        Step(ResolveNewIssues(), when=check_sentry_new_issues),
        Manual(
            "Mend it, where no deployment fits",
            when=check_request_errors,
            how="""\
The finding names the endpoint and the moment. Then, in this order:

1. What else changed at that moment? A setting, a feature flag, a migration, a secret that expired, a certificate, a
   provider (their status page), traffic of a kind that was not there before.
2. What do the errors say? check_log_errors counts those that are alike; one that began at the same moment is the one.
   pino-http and Fastify log an answer of 500 as information: look for the status, not for the level.
3. One endpoint: switch it off, or what leads to it (a flag, a 503 with Retry-After), rather than let it fail slowly.
4. All endpoints: what all need. The database (database/connections-exhausted), the cache, the disk, the memory.""",
        ),
        Manual(
            "Deploy a hotfix",
            when=check_request_errors,
            how="""\
Only where going back is no way: the schema, or what has been written since, does not fit the version before.

1. The smallest change that stops it; a second person reads it, also at night.
2. The same way to production as every other change. What is built by hand on a server is lost with the next one.
3. To a part of the traffic first, if the platform can; watch this runbook's first question for five minutes.
4. After a roll back: what was taken back comes again with the next deployment. Revert it in the repository as well.""",
        ),
        Manual(
            "Get by without whom the application waits for",
            when=check_calls_to_others,
            how="""\
It is somebody else. Look at their status page, then: a time limit on each call (half of what our own callers wait), no
more than one try again, and the answer that can be given without them (a cached one, a 503 for that part alone).
Requests that hang in them take the connections of all others along.""",
        ),
    ),
    # The share is of the last five minutes: before they have passed, what failed in them counts.
    verification=Verify(hold=timedelta(minutes=2), within=timedelta(minutes=20)),
    prevention=(
        # A restart answers some requests with 502; a fault does so five minutes later, too.
        Watch(check_request_errors, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
    ),
    related=("application/high-latency", "database/connections-exhausted", "database/performance-degradation"),
    drills=(Drill(fault=DeployBadVersion("errors"), noticed_by=check_deployment_before_errors, resolved_by=RollBack),),
)

"""Endpoints are slow: which, since when, after which deployment, and whether the database or somebody else is why."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.host.checks import check_host_cpu, check_host_memory
from tasks.platform.actions import RollBack
from tasks.platform.checks import check_deployments
from tasks.platform.faults import DeployBadVersion
from tasks.postgres.connections.checks import check_connection_slots
from tasks.postgres.indexes.actions import CreateMissingIndex
from tasks.postgres.indexes.checks import check_missing_indexes
from tasks.postgres.locks.checks import check_blocked_sessions
from tasks.postgres.statements.checks import check_slow_statements
from tasks.redis.checks import check_redis_answers, check_redis_keyspace, check_redis_slow_log
from tasks.requests.checks import check_calls_to_others, check_request_latency
from tasks.requests.deployed import check_deployment_before_slowness
from tasks.requests.released import check_release_before_slowness
from tasks.website.checks import check_website_pace

runbook = Runbook(
    title="Endpoints are slow",
    problem=(
        "Requests take longer than they may: since a deployment, because the database takes long for a statement they "
        "make, because somebody else whom they wait for is slow, or because there is more to do than the machine can."
    ),
    severity=Severity.P2,
    keywords=(
        "latency",
        "slow",
        "slow api",
        "slow endpoint",
        "response time",
        "p95",
        "p99",
        "percentile",
        "timeout",
        "timeouts",
        "504",
        "deployment",
        "roll back",
        "cache",
        "cache hit rate",
        "index",
        "scale out",
        "time to first byte",
    ),
    symptoms=(
        Symptom(alert="HighLatency"),
        Symptom(alert="HighResponseTime"),
        Symptom(alert="HttpRequestLatencyHigh"),
        Symptom(alert="ApiLatencyP95High"),
        Symptom(heard="The application is slow for everybody."),
        Symptom(heard="One page takes seconds since the deployment."),
        Symptom(heard="Requests run into time-outs."),
        Symptom(heard="It became slow, and the cache was cleared before."),
    ),
    diagnosis=(
        check_request_latency,
        check_deployment_before_slowness,
        check_deployments,
        check_release_before_slowness,
        check_slow_statements,
        check_missing_indexes,
        check_blocked_sessions,
        check_connection_slots,
        check_calls_to_others,
        check_redis_answers,
        check_redis_slow_log,
        check_redis_keyspace,
        check_host_cpu,
        check_host_memory,
        check_website_pace,
    ),
    resolution=(
        Step(RollBack(), when=check_deployment_before_slowness),
        Manual(
            "Let the release before serve again, by hand",
            when=check_release_before_slowness,
            how="""\
Sentry knows what was released, and cannot take it back: the tag or image before it, by the same pipeline, where its
migrations allow that.""",
        ),
        # The same step as of database/slow-queries, for the statement that is slow.
        Step(CreateMissingIndex(), when=check_slow_statements),
        Manual(
            "Find out what the endpoint waits for",
            when=check_request_latency,
            how="""\
The finding names the endpoint and the moment, and how much of the time was the database's where lines tell it. Where
they do not: log `db_ms` and `external_ms` beside the duration. It is one line in a middleware, and answers this.

1. All endpoints became slow at one moment: what all share. Connections (database/connections-exhausted), a lock
   (database/blocked-sessions), the processor, the memory, the cache.
2. One endpoint: its statements (database/slow-queries), what it asks of others (check_calls_to_others), what it does
   once for each row.
3. Half are as quick as ever and a twentieth is slow: one customer's data, one host of many, a cache that missed.""",
        ),
        Manual(
            "Empty, or warm, a part of the cache",
            when=check_request_latency,
            how="""\
Only where the cache holds what is wrong, or nothing. Emptying makes everything slower first: each miss asks the
database, all at once.

1. Where the keys of a queue live in the same database (check_redis_keyspace names `bull:` and its like), nothing is
   emptied by FLUSHDB or FLUSHALL, ever: jobs, schedulers and sessions are gone without a trace.
2. By its prefix, in small steps, which holds nobody up:

       redis-cli --scan --pattern 'cache:products:*' | head        # look at what it would be
       redis-cli --scan --pattern 'cache:products:*' | xargs -r -n 500 redis-cli unlink

3. Warm what is asked most before users do: the same requests, from a script, a few at once.
4. Give entries ages that differ by chance (a tenth more or less), or all end together again.

The hit rate in INFO stats is no cache's where queues share the server: it is their own traffic. Count hits and misses
in the application, or give the cache a server of its own.""",
        ),
        Manual(
            "Get by without whom the application waits for",
            when=check_calls_to_others,
            how="""\
It is somebody else. Look at their status page, then: a time limit on each call, no try again while they are slow (it
doubles what they get), an answer without them where there is one, and what can wait put into a queue.""",
        ),
        Manual(
            "Scale out",
            when=check_host_cpu,
            how="""\
Only where the processor, or the memory, is what is short, and not where requests wait for the database: more instances
bring more connections to it.

1. One instance more at a time; after each, the first question of this runbook.
2. Reckon the connections first: instances × pool must stay below what the database grants (check_connection_slots).
3. Write the number down where it is declared, or the next deployment takes it back.""",
        ),
    ),
    # The percentiles are of the last five minutes.
    verification=Verify(hold=timedelta(minutes=2), within=timedelta(minutes=30)),
    prevention=(
        # A report at the hour, or a cold start after a deployment, is over by the next look.
        Watch(check_request_latency, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
    ),
    related=("application/high-error-rate", "database/slow-queries", "database/performance-degradation"),
    drills=(Drill(fault=DeployBadVersion("slow"), noticed_by=check_deployment_before_slowness, resolved_by=RollBack),),
)

"""Jobs pile up in a queue: nobody works on it, it is paused, its jobs fail, or its server is ill."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.queues.actions import PauseFailingQueues, RestartQueueWorkers, ResumeQueues
from tasks.queues.checks import (
    check_queue_backlog,
    check_queue_pace,
    check_queue_paused,
    check_queue_schedulers,
    check_queue_workers,
    check_stalled_jobs,
)
from tasks.queues.failures import check_failed_jobs, check_poisoned_jobs
from tasks.queues.faults import FailOnFarSide, LeaveNoWorker, RetryInVain
from tasks.queues.poisoned import RemovePoisonedJobs
from tasks.queues.retry import RetryFailedJobs
from tasks.redis.checks import (
    check_redis_answers,
    check_redis_clients,
    check_redis_eviction,
    check_redis_keyspace,
    check_redis_memory,
    check_redis_persistence,
    check_redis_slow_log,
)

runbook = Runbook(
    title="Jobs pile up in a queue",
    problem=(
        "Jobs that are due are not done: no worker takes them, the queue is paused, they fail, one of them fails again "
        "and again, or the Redis server they live on is ill. What is tried again must not do twice what it had done."
    ),
    severity=Severity.P1,
    keywords=(
        "queue",
        "backlog",
        "job queue",
        "bullmq",
        "bull",
        "redis",
        "valkey",
        "worker",
        "workers",
        "waiting jobs",
        "failed jobs",
        "dead letter",
        "poison",
        "poisoned job",
        "stalled",
        "delayed jobs",
        "paused queue",
        "retry",
        "flushdb",
        "noeviction",
        "maxmemory",
        "out of memory",
        "NOAUTH",
        "econnrefused",
    ),
    symptoms=(
        Symptom(alert="QueueBacklogHigh"),
        Symptom(alert="QueueWorkersDown"),
        Symptom(alert="QueueJobsFailing"),
        Symptom(alert="RedisDown"),
        Symptom(heard="Hundreds of jobs wait, and the number grows."),
        Symptom(heard="Jobs fail since the far side was down."),
        Symptom(heard="One job fails each time it is retried."),
        Symptom(heard="Somebody cleared the cache, and mails are gone."),
    ),
    diagnosis=(
        check_redis_answers,
        check_queue_backlog,
        check_queue_workers,
        check_queue_paused,
        check_queue_pace,
        check_failed_jobs,
        check_poisoned_jobs,
        check_stalled_jobs,
        check_queue_schedulers,
        check_redis_memory,
        check_redis_eviction,
        check_redis_persistence,
        check_redis_clients,
        check_redis_slow_log,
        check_redis_keyspace,
    ),
    resolution=(
        Manual(
            "Bring the Redis server back, and lose no job",
            when=check_redis_answers,
            how="""\
Find out first whether it was asked to stop or killed. A server that is asked to stop saves; one that is killed (memory,
power, a stop that took too long) comes back as of its last save, or with its append-only file.

1. Look at its own log and at the machine's memory and disk (dmesg: "Out of memory: Killed process").
2. Where it still answers: BGSAVE, wait for it (INFO persistence), then restart. Never kill it.
3. While it loads its data it answers LOADING: wait; it is not broken.
4. Workers connect again by themselves. What was under way is taken up by them within a minute, and runs again.""",
        ),
        Step(RestartQueueWorkers(), when=check_queue_workers),
        Manual(
            "Find out why the workers are gone",
            when=check_queue_workers,
            how="""\
A restart brings them back; what ended them may do so again. Their own log, a deploy, the machine's memory. Two things
that look like it: workers on another database number, or with another prefix, than the queue.

A worker has to call worker.close() when it is asked to stop (SIGTERM), and be given the time to: one that is killed
leaves its jobs, which run again. A process that runs as PID 1 in a container and has no handler ignores SIGTERM.""",
        ),
        Step(ResumeQueues(), when=check_queue_paused),
        # First what can never be done: it would be tried again with the others.
        Step(RemovePoisonedJobs(), when=check_poisoned_jobs),
        Step(RetryFailedJobs(), when=check_failed_jobs),
        Step(PauseFailingQueues(), when=check_failed_jobs),
        Manual(
            "Mend what the jobs fail of",
            when=check_failed_jobs,
            how="""\
The rows above are their own reasons. What passes by itself (refused, timed out, 5xx) may be tried again once the far
side is well; look at its status page first (email/delivery-failures for a mail provider). What is held back for its
pace (429) needs the queue's limiter, not another try. Others fail each time, until the job or the code is mended.

"stalled more than allowable limit" is no fault of the job: its worker died twice while it had it. Look there.

Before a job that sends is tried again: does it hand over an idempotency key, or can the far side tell what it has?""",
        ),
        Manual(
            "Let more workers work",
            when=check_queue_backlog,
            how="""\
Only where the pace is good and more is added than done (check_queue_pace), and what the jobs use can take it: the
database's connections, the far side's limits.

1. More at once in each worker: its `concurrency`. More workers: their service, by its own number, nothing else beside.
   With compose: up -d --no-deps --no-recreate --scale worker=3, and the number kept in the file, or the next `up`
   takes it back.
2. Watch the age of the oldest job fall. Jobs with a priority are taken before all others: a flood of them starves the
   rest.""",
        ),
        Manual(
            "Look what the workers hang in",
            when=check_queue_pace,
            how="""\
They live and finish nothing: a call without a time limit, a lock in the database (database/blocked-sessions), a far
side that never answers, a global limit of the queue (`max`, `duration`, `concurrency` in its meta). A worker whose
event loop is blocked cannot renew its lock: after 30 s its job is given to another one, and runs twice.""",
        ),
        Manual(
            "Plan the lost ticks again",
            when=check_queue_schedulers,
            how="""\
Have the application call upsertJobScheduler() with the same id and pattern: that plans the next tick. What was to run
since then did not: decide for each whether to run it once now. It comes from queue.drain() or from removing delayed
jobs by hand: neither may be done to a queue with schedulers.""",
        ),
        Manual(
            "Give the queues a server that keeps them",
            when=check_redis_eviction,
            how="""\
CONFIG SET maxmemory-policy noeviction, and the same in its configuration. A cache wants the opposite: give it a server,
or at least a database, of its own. What was evicted is gone: compare what should have been done with what was (the
application's own rows, the provider's log).""",
        ),
        Manual(
            "Make room in memory",
            when=check_redis_memory,
            how="""\
Full means that every write is refused: jobs cannot be added, taken, finished or even paused.

1. What takes it: completed and failed jobs that nobody removes (removeOnComplete, removeOnFail with a count and an
   age), jobs with large data (put the data elsewhere, and its id into the job), another tenant's keys.
2. Raise maxmemory where the machine has room: CONFIG SET maxmemory, and in its configuration.
3. Never FLUSHDB or FLUSHALL: they take waiting and delayed jobs and schedulers along, without a trace. A cache is
   deleted by its prefix, with SCAN and UNLINK.""",
        ),
    ),
    # Six hundred jobs are done within a minute; thousands take their time, and the age of the oldest falls meanwhile.
    verification=Verify(hold=timedelta(minutes=1), within=timedelta(minutes=30)),
    prevention=(
        # A restart of the server, or a deploy of the workers, is over after a minute or two.
        Watch(check_redis_answers, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_queue_workers, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_queue_backlog, every=timedelta(minutes=5)),
        Watch(check_queue_pace, every=timedelta(minutes=5)),
        Watch(check_failed_jobs, every=timedelta(minutes=5)),
        Watch(check_queue_paused, every=timedelta(minutes=15)),
        Watch(check_poisoned_jobs, every=timedelta(minutes=15)),
        Watch(check_stalled_jobs, every=timedelta(minutes=15)),
        Watch(check_queue_schedulers, every=timedelta(minutes=15)),
        Watch(check_redis_memory, every=timedelta(minutes=15)),
        Watch(check_redis_eviction, every=timedelta(hours=6)),
        Watch(check_redis_persistence, every=timedelta(hours=6)),
    ),
    related=("email/emails-stuck-queued", "email/delivery-failures"),
    drills=(
        Drill(fault=LeaveNoWorker(), noticed_by=check_queue_workers, resolved_by=RestartQueueWorkers),
        Drill(fault=FailOnFarSide(), noticed_by=check_failed_jobs, resolved_by=RetryFailedJobs),
        Drill(fault=RetryInVain(), noticed_by=check_poisoned_jobs, resolved_by=RemovePoisonedJobs),
    ),
)

"""Memory runs out: a process grows without end, a service is at its limit, or the machine is too small."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.host.checks import check_host_memory
from tasks.host.memory_limits.checks import check_killed_for_memory, check_memory_limits
from tasks.host.processes.actions import RestartLeakingApplication, RestartLeakingWorkers
from tasks.host.processes.checks import check_growing_processes
from tasks.host.processes.faults import LeakInWorker
from tasks.queues.checks import check_queue_backlog

runbook = Runbook(
    title="Memory runs out",
    problem=(
        "The machine, or a service with a limit of its own, has hardly any memory left. Before long the kernel ends a "
        "process, and it is seldom the one that grew: often it is the database. A process that grows without end is "
        "told apart from one that is merely large."
    ),
    severity=Severity.P1,
    keywords=(
        "memory",
        "high memory",
        "memory leak",
        "leak",
        "out of memory",
        "oom",
        "oom kill",
        "oom killer",
        "oomkilled",
        "exit code 137",
        "killed process",
        "heap out of memory",
        "swap",
        "rss",
        "container limit",
        "cannot allocate memory",
    ),
    symptoms=(
        Symptom(alert="HighMemoryUsage"),
        Symptom(alert="HostOutOfMemory"),
        Symptom(alert="ContainerOOMKilled"),
        Symptom(heard="The container ends with exit code 137, again and again."),
        Symptom(heard="dmesg says 'Out of memory: Killed process'."),
        Symptom(heard="The application logs 'JavaScript heap out of memory'."),
        Symptom(heard="Everything got slow, and the machine swaps."),
    ),
    diagnosis=(
        check_host_memory,
        check_memory_limits,
        check_growing_processes,
        check_killed_for_memory,
        # Who holds what, before anybody restarts the workers.
        check_queue_backlog,
    ),
    resolution=(
        Step(RestartLeakingWorkers(), when=check_growing_processes),
        Step(RestartLeakingApplication(), when=check_growing_processes),
        Manual(
            "Find what leaks",
            when=check_growing_processes,
            how="""\
A restart gives the memory back, and the clock starts anew: the rows above tell how long it lasts. Look what was
deployed before it began. Then, in the process that grows:

  node    start with --heapsnapshot-signal=SIGUSR2, take two snapshots some minutes apart, and compare them
  python  tracemalloc, or py-spy dump --pid <pid> for what it is at

Until it is mended, a planned restart at a quiet hour is better than the kernel's choice.""",
        ),
        Manual(
            "Take back what was scaled up",
            when=check_host_memory,
            how="""\
Where nothing leaks, more runs on this machine than fits: count processes times what each holds (the rows of
check_growing_processes, largest first).

1. Fewer at once: workers' `concurrency`, replicas of a service, the pools of each process. Drain first: a worker that
   is killed leaves its jobs, and they run twice (workflows/queue-backlog restarts workers that way).
2. Never stop Redis or the database to make room. Redis that is killed comes back as of its last save: BGSAVE, wait for
   it, then restart, if it has to be.
3. Caches that Linux keeps for files are no use of memory: check_host_memory does not count them.""",
        ),
        Manual(
            "Give the service more, or less to do",
            when=check_memory_limits,
            how="""\
It is at its own limit, whatever the machine has left: the kernel ends one of its processes there, exit code 137.

  systemd  systemctl set-property web.service MemoryMax=2G        (and in its unit file)
  compose  deploy.resources.limits.memory, then: docker compose up -d --no-deps web
  node     --max-old-space-size below the limit by a quarter: its heap is not all it holds

A limit that is raised for a leak only moves the hour.""",
        ),
        Manual(
            "Look what the kernel's victim was at",
            when=check_killed_for_memory,
            how="""\
The row names it where the kernel's log may be read; otherwise, as root: journalctl --dmesg | grep -i 'killed process'.
It was the largest, and need not be the culprit: look at what grew.

  a worker    its job runs again by itself within a minute; one that was killed twice fails for good
  Postgres    all sessions are cut off, and it recovers by itself: look at its log, then at those who wait
  Redis       what was added since its last save is gone: compare the queues with the application's own rows
  node        whatever supervises it starts it anew; requests that were under way broke off""",
        ),
    ),
    # A process that starts fills its caches for a while; half a minute shows that it does not go on as before.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=15)),
    prevention=(
        # check_host_memory is watched by database/performance-degradation: it may be the database's machine.
        Watch(check_memory_limits, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_growing_processes, every=timedelta(minutes=5)),
        Watch(check_killed_for_memory, every=timedelta(minutes=5)),
    ),
    related=("application/high-cpu", "workflows/queue-backlog", "database/performance-degradation"),
    drills=(Drill(fault=LeakInWorker(), noticed_by=check_growing_processes, resolved_by=RestartLeakingWorkers),),
)

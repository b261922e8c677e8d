"""The processor is busy all the time: one process spins, there is too much to do, or others take it."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.host.checks import check_host_cpu, check_host_load
from tasks.host.processes.actions import RestartSpinningApplication, StopSpinningProcesses
from tasks.host.processes.checks import check_spinning_processes
from tasks.host.processes.faults import LeaveSpinning

runbook = Runbook(
    title="The processor is busy all the time",
    problem=(
        "Everything that comes waits for a processor first: pages are slow, timeouts begin, health checks fail. One "
        "process spins, there is more to do than the machine can, or other tenants of the hardware take their share."
    ),
    severity=Severity.P2,
    keywords=(
        "cpu",
        "high cpu",
        "processor",
        "load",
        "load average",
        "100%",
        "spinning",
        "busy loop",
        "infinite loop",
        "runaway process",
        "throttled",
        "steal",
        "slow machine",
        "top",
    ),
    symptoms=(
        Symptom(alert="HighCPUUsage"),
        Symptom(alert="HostHighCpuLoad"),
        Symptom(alert="ContainerCPUThrottling"),
        Symptom(heard="The machine is at 100 %."),
        Symptom(heard="One process has been on top of `top` for an hour."),
        Symptom(heard="Everything is slow, the database too."),
    ),
    diagnosis=(
        check_host_cpu,
        check_host_load,
        check_spinning_processes,
    ),
    resolution=(
        Step(RestartSpinningApplication(), when=check_spinning_processes),
        Step(StopSpinningProcesses(), when=check_spinning_processes),
        Manual(
            "Find out what it spins in",
            when=check_spinning_processes,
            how="""\
Before it is gone, look what it is at; afterwards nobody can:

  node      kill -USR1 <pid> opens the inspector on loopback; a CPU profile of ten seconds names the function
  python    py-spy top --pid <pid>
  Postgres  it is a query: database/slow-queries cancels exactly that one. Never stop its process from outside: the
            server ends all sessions then.
  any       perf top -p <pid>

A loop that never waits is a bug of the deployment that brought it; a regular expression on hostile text, or JSON of a
hundred megabytes, comes with the request that brought it.""",
        ),
        Manual(
            "Let more machines do it",
            when=check_host_cpu,
            how="""\
Only once no single process is the reason (check_spinning_processes): what one loop takes, the next machine loses too.

1. Less at once: workers' `concurrency`, a report or an import that can wait for the night.
2. More of the stateless service behind the proxy: with compose, up -d --no-deps --no-recreate --scale web=3, and the
   number kept in the file, or the next `up` takes it back. The database's connections must bear it.
3. A larger machine. Where other tenants take it (the finding says how much), a larger one of the same kind does not
   help, a dedicated one does. Where a limit of the container refuses it, raise that first.""",
        ),
        Manual(
            "Look what waits",
            when=check_host_load,
            how="""\
The load counts who wants a processor and who waits for a disk. With a busy processor it is the same finding as above.
With an idle one, look for those in state D: ps -eo pid,stat,comm,wchan | grep ' D'. A full or slow disk
(application/storage), a network drive that hangs, or swap (application/high-memory).""",
        ),
    ),
    # A burst is over after a minute; ten show that it does not come back with the next request.
    verification=Verify(hold=timedelta(minutes=1), within=timedelta(minutes=15)),
    prevention=(
        # check_host_cpu is watched by database/performance-degradation: it may be the database's machine.
        # A backup, or a deployment, takes a processor for minutes.
        Watch(check_host_load, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_spinning_processes, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
    ),
    related=("application/high-memory", "database/slow-queries", "database/performance-degradation"),
    drills=(Drill(fault=LeaveSpinning(), noticed_by=check_spinning_processes, resolved_by=StopSpinningProcesses),),
)

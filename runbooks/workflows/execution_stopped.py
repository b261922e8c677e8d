"""Workflows of n8n run no more: n8n is down, one was deactivated, or it runs and never succeeds."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.n8n.instance.actions import RestartN8n, RestartSilentN8n
from tasks.n8n.instance.checks import check_n8n_answers
from tasks.n8n.instance.faults import StopN8n
from tasks.n8n.workflows.actions import Reactivate
from tasks.n8n.workflows.checks import check_n8n_active, check_n8n_last_runs
from tasks.n8n.workflows.faults import DeactivateWorkflow

runbook = Runbook(
    title="n8n workflows do not run",
    problem=(
        "A workflow that must run has not succeeded for longer than it may: n8n is down or its database is, the "
        "workflow was deactivated, its trigger does not fire, or each of its runs fails. What does not run leaves no "
        "error, and one that never ran leaves no row: it is missed only by who knows that it should have run."
    ),
    severity=Severity.P0,
    keywords=(
        "n8n",
        "n8n down",
        "workflow stopped",
        "workflow inactive",
        "deactivated workflow",
        "execution stopped",
        "scheduler",
        "trigger",
        "no executions",
        "readiness",
        "restart n8n",
    ),
    symptoms=(
        Symptom(alert="WorkflowExecutionStopped"),
        Symptom(alert="N8nDown"),
        Symptom(alert="N8nWorkflowInactive"),
        Symptom(heard="No mail was scheduled for a quarter of an hour."),
        Symptom(heard="n8n's page does not open, or says that it cannot reach its database."),
        Symptom(heard="Somebody edited a workflow, and since then it does nothing."),
    ),
    diagnosis=(check_n8n_answers, check_n8n_active, check_n8n_last_runs),
    resolution=(
        Step(RestartN8n(), when=check_n8n_answers),
        Manual(
            "Find out why n8n does not come up",
            when=check_n8n_answers,
            how="""\
In n8n's log (journalctl -u n8n, docker logs, pm2 logs), the last lines before it ended:

1. "Database is not ready", refused, too many connections: database/connections-exhausted. /healthz answers
   all the while; only /healthz/readiness tells.
2. "heap out of memory": one run takes too much; it is listed as crashed afterwards. Give it more, or fewer at once.
3. A migration that does not end, after an upgrade: wait for it, and end nothing by force.
4. Another encryption key than before (N8N_ENCRYPTION_KEY): put the old one back, or no credential can be read.""",
        ),
        Step(Reactivate(), when=check_n8n_active),
        Manual(
            "Bring back what is archived or gone",
            when=check_n8n_active,
            how="""\
An archived workflow is brought back in n8n by hand (its list, filter "show archived", "Unarchive"), and then activated.
One that is gone comes back from the exported files (playbooks/n8n-import), inactive, with the ids of its credentials.
One that was renamed is not gone: write its new name, or its id, into environments.toml.""",
        ),
        # Behind the one before: a workflow that was just activated need not be looked for in a restart.
        Step(RestartSilentN8n(), when=check_n8n_last_runs),
        Manual(
            "Have the missed run made up for",
            when=check_n8n_last_runs,
            how="""\
n8n's public API starts no run. In n8n, open the workflow and press "Execute workflow", once, and only if

1. none of its runs is under way: two runs that take the same rows send each mail twice, unless the workflow claims its
   rows in one statement (FOR UPDATE SKIP LOCKED, or UPDATE … RETURNING);
2. what it would take is what is meant: look at how much is due first. After a long silence that may be everything.

A schedule makes up for it at its next turn by itself, where the workflow takes all that is due.""",
        ),
        Manual(
            "Look why it runs and fails",
            when=check_n8n_last_runs,
            how="""\
"It runs and fails" is workflows/n8n-failures. "It runs and does not end": stop it there. "It does not run", although it
is active: its trigger's own service (a mailbox, a queue, whoever calls its webhook) may send it nothing; look there
before n8n is restarted.""",
        ),
    ),
    # A schedule of a few minutes has run by then.
    verification=Verify(hold=timedelta(minutes=1), within=timedelta(minutes=20)),
    prevention=(
        # A restart is over after half a minute.
        Watch(check_n8n_answers, every=timedelta(minutes=1), settle=Settle(bad=2, of=3)),
        Watch(check_n8n_active, every=timedelta(minutes=5)),
        Watch(check_n8n_last_runs, every=timedelta(minutes=5)),
    ),
    related=("workflows/n8n-failures", "playbooks/n8n-import", "email/emails-stuck-queued"),
    drills=(
        Drill(fault=DeactivateWorkflow(), noticed_by=check_n8n_active, resolved_by=Reactivate),
        Drill(fault=StopN8n(), noticed_by=check_n8n_answers, resolved_by=RestartN8n),
    ),
)

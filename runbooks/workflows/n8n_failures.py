"""Workflows of n8n fail: which, why, one of them or all, and what may be run again."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.n8n.executions.actions import RetryFailed, StopStuck
from tasks.n8n.executions.checks import (
    check_n8n_concurrency,
    check_n8n_crashed,
    check_n8n_failures,
    check_n8n_stuck,
)
from tasks.n8n.executions.faults import FailOneOfEach
from tasks.n8n.instance.checks import check_n8n_key
from tasks.n8n.workflows.checks import check_n8n_credentials

runbook = Runbook(
    title="n8n workflows fail",
    problem=(
        "Runs of n8n's workflows end in errors: a service they ask refuses them or is gone (Unipile, Claude, the "
        "database), a webhook is answered wrongly, a credential is gone; or n8n itself was ended in the middle of "
        "them. One failing workflow is its own trouble; the same error in several is that of what they ask."
    ),
    severity=Severity.P1,
    keywords=(
        "n8n",
        "workflow failures",
        "failed executions",
        "execution error",
        "unipile",
        "unipil",
        "claude",
        "anthropic",
        "webhook",
        "node error",
        "credentials",
        "retry execution",
        "crashed execution",
        "concurrency",
    ),
    symptoms=(
        Symptom(alert="N8nWorkflowFailures"),
        Symptom(alert="N8nExecutionFailureRateHigh"),
        Symptom(heard="n8n lists executions as failed, of one workflow or of many."),
        Symptom(heard="LinkedIn messages do not go out, or answers of Claude are missing."),
        Symptom(heard="Whoever calls a webhook of n8n gets an error, or no answer."),
    ),
    diagnosis=(
        check_n8n_key,
        check_n8n_failures,
        check_n8n_crashed,
        check_n8n_stuck,
        check_n8n_concurrency,
        check_n8n_credentials,
    ),
    resolution=(
        Manual(
            "Give us a key that n8n takes",
            when=check_n8n_key,
            how="""\
Nothing else can be asked until then. In n8n, Settings, n8n API: is the key there, has it expired, which scopes has it?
A key has its own scopes where the edition knows them; make a new one with those the finding names, and put it where the
configuration reads it (N8N_API_KEY). Where n8n runs with N8N_PUBLIC_API_DISABLED, it answers 401 to every key.""",
        ),
        Manual(
            "Refresh the credentials",
            when=check_n8n_credentials,
            how="""\
No secret is read or written from here. In n8n, Credentials, open the one that the finding names:

1. OAuth: "Reconnect", with the account the workflows are meant to use; look that it is granted all it asks for.
2. A key or password: make a new one where it comes from, put it in, "Save" (n8n tries it); then revoke the old one.
3. One that is gone: its nodes hold the old id. Make it anew, and choose it in each node that the finding names.

A restart of n8n resets no connection and refreshes no credential. Then retry what failed for it.""",
        ),
        Step(RetryFailed(), when=check_n8n_failures),
        Manual(
            "Look after what is not retried from here",
            when=check_n8n_failures,
            how="""\
The step before names each run it leaves alone, and why. n8n begins a retry at the failed node with all its items: what
that node sent before it failed goes out again.

1. No answer in time, or 5xx: ask the service that was called whether it has done it (its list of messages or requests,
   by time and recipient). If it has, leave the run alone. If it has not, retry the run in n8n.
2. Several items: find out which were done; run the workflow by hand with the others.
3. "n8n tells of the webhook only": open the run in n8n and look at which node it stopped.

Systematic? Mend what they ask first: workflows/unipil-errors, workflows/claude-timeouts, or the database.
There is no setting in n8n for mails a minute (N8N_MAX_EMAILS_PER_MINUTE exists in no version): the pace belongs into
the workflow, by the provider's own headers.""",
        ),
        Manual(
            "Ask what the cut-off runs had sent",
            when=check_n8n_crashed,
            how="""\
n8n was ended while they ran: killed, out of memory, or restarted with a run that took longer than half a minute. It
does not go on with them, and what it shows of them is made up: times, nodes, the advice about memory.

1. For each run, ask the provider or the database what arrived of it.
2. Retry only those of which nothing had been sent; a retry sends again what had.
3. Look in n8n's log for why it ended; give a stop more time by N8N_GRACEFUL_SHUTDOWN_TIMEOUT (30 seconds).""",
        ),
        Step(StopStuck(), when=check_n8n_stuck),
        Manual(
            "Lower what runs at once, or make room",
            when=check_n8n_concurrency,
            how="""\
While runs wait for a place, whoever called their webhook waits, too.

1. What fills the places? Runs that hang for an answer: give their HTTP nodes a time limit (Options, Timeout), and end
   them with the step before. A longer time limit fills more places.
2. A service that answers 429 wants fewer at once: set N8N_CONCURRENCY_PRODUCTION_LIMIT lower in n8n's environment, and
   restart it while nothing runs. In queue mode it is `n8n worker --concurrency=…`.
3. Retries run beyond the limit: retry a few at a time.

Write the new limit into environments.toml too (concurrency, under n8n).""",
        ),
    ),
    verification=Verify(hold=timedelta(minutes=2), within=timedelta(minutes=20)),
    prevention=(
        Watch(check_n8n_key, every=timedelta(minutes=15)),
        Watch(check_n8n_failures, every=timedelta(minutes=5)),
        Watch(check_n8n_crashed, every=timedelta(minutes=15)),
        Watch(check_n8n_stuck, every=timedelta(minutes=15)),
        # A burst fills the places for a moment, and that is what they are for.
        Watch(check_n8n_concurrency, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        # Each look has n8n log in with each credential.
        Watch(check_n8n_credentials, every=timedelta(hours=6)),
    ),
    related=("workflows/execution-stopped",),
    # What a run asks, and what n8n itself lives on: mended there, its runs succeed again.
    symptom_of=(
        "workflows/unipil-errors",
        "workflows/claude-timeouts",
        "database/connections-exhausted",
        "database/blocked-sessions",
    ),
    drills=(Drill(fault=FailOneOfEach(), noticed_by=check_n8n_failures, resolved_by=RetryFailed),),
)

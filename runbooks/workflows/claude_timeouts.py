"""Claude does not answer in time, or not at all: the key, the pace, an overload, or requests that are too large."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.application.asking.actions import SlowDownClaude, SlowDownClaudeForPace, SlowDownClaudeInOverload
from tasks.application.asking.faults import LimitClaude, OverloadClaude, SlowClaude
from tasks.claude.actions import UseSpareClaudeKey
from tasks.claude.checks import (
    check_claude_answers,
    check_claude_credit,
    check_claude_key,
    check_claude_latency,
    check_claude_rate_limit,
    check_claude_request,
    check_claude_status,
)
from tasks.claude.faults import RevokeClaudeKey

runbook = Runbook(
    title="Claude times out, or refuses",
    problem=(
        "What the application asks Claude is answered too late, or not at all: Anthropic refuses our key, holds us "
        "back for our pace, is overloaded or in trouble, the account is empty, or a request is larger than its model "
        "or its time limit."
    ),
    severity=Severity.P2,
    keywords=(
        "claude",
        "anthropic",
        "ai",
        "llm",
        "model",
        "timeout",
        "time-out",
        "timed out",
        "slow",
        "overloaded",
        "overloaded_error",
        "rate_limit_error",
        "authentication_error",
        "api key",
        "401",
        "413",
        "429",
        "529",
        "credit balance is too low",
        "max_tokens",
        "tokens",
    ),
    symptoms=(
        Symptom(alert="ClaudeTimeouts"),
        Symptom(alert="ClaudeOverloaded"),
        Symptom(alert="ClaudeRateLimited"),
        Symptom(alert="ClaudeUnauthorized"),
        Symptom(heard="Workflows fail at the step that asks Claude."),
        Symptom(heard="Answers of the assistant take minutes, or break off."),
        Symptom(heard="The application logs 529, or 'overloaded_error'."),
    ),
    diagnosis=(
        check_claude_answers,
        check_claude_status,
        check_claude_key,
        check_claude_credit,
        check_claude_rate_limit,
        check_claude_latency,
        check_claude_request,
    ),
    resolution=(
        Step(UseSpareClaudeKey(), when=check_claude_key),
        Manual(
            "Make a new key, and find out who revoked the old one",
            when=check_claude_key,
            how="""\
The finding quotes what Anthropic answers. Was the key revoked because somebody else has it? Then every copy of it must
go, and the spare one is no hurry. In Anthropic's console make a key in the workspace that the application belongs to,
put it where the application reads it, and restart the application if it reads it only at its start. 403 is no wrong key
but one that may not use this model, or this workspace.

Where our question is taken and the application is not, and only since an upgrade: Anthropic's library sends the key in
`Authorization: Bearer` since 2.0, no longer in x-api-key, which a proxy between may still look for.""",
        ),
        Manual(
            "Buy credit",
            when=check_claude_credit,
            how="""\
In Anthropic's console, under Billing: buy credit, or let it buy by itself below a limit, and set a limit for the month
that somebody is told of before it is reached. What was refused meanwhile is tried again once (below).""",
        ),
        Step(SlowDownClaude(), when=check_claude_rate_limit),
        Manual(
            "Keep to the limit that the headers tell",
            when=check_claude_rate_limit,
            how="""\
The rows have each limit, what is left of it, and when it is full again: requests, input and output tokens are counted
apart, and the smallest decides. Wait as long as Retry-After says; then each time twice as long, with some chance in it,
so that not all come back at once. A limit of output tokens counts what `max_tokens` asks for, not what is answered: ask
for no more than is needed. What nobody waits for goes through the batch API, which has limits of its own.""",
        ),
        Step(SlowDownClaudeInOverload(), when=check_claude_answers),
        Manual(
            "Wait for Anthropic, and try again once what failed",
            when=check_claude_answers,
            how="""\
529 is too much work from everybody, 5xx its own trouble; its status page knows more, some minutes late. Let the
application try again two or three times, each time later, and then put the work aside. Afterwards try again exactly
what failed (workflows that failed at this step): but look first what they do behind it: one that sends sends twice.""",
        ),
        Step(SlowDownClaudeForPace(), when=check_claude_latency),
        Manual(
            "Wait longer, and ask for less at once",
            when=check_claude_latency,
            how="""\
The value is how long one token took: add what the answer takes. Anthropic's own library reckons with 128,000 tokens an
hour, some 36 a second: 1,000 tokens 28 s, 4,096 tokens 115 s, 16,000 tokens 450 s. A time limit below that breaks off
an answer that is paid for all the same, and the next attempt pays again.

1. Set the time limit to twice that, or take the answer piece by piece (stream): then it need only outlast a pause.
2. Ask for less: a smaller max_tokens, one question for each request, a shorter text before it.
3. Behind a proxy or a workflow engine their time limits must be longer than the application's.""",
        ),
        Manual(
            "Make the largest request fit",
            when=check_claude_request,
            how="""\
The finding has the numbers: what the application asks for, what the model answers and takes at most (max_tokens,
max_input_tokens as Anthropic tells them), and how many tokens fit into the time limit. Lower max_tokens to that, part
the text, or stream. Beyond ten minutes in one piece Anthropic's library refuses to wait; beyond 32 MB it answers 413. A
model that is retired has a successor: name that, and try it before everybody does. A deprecated one says when.""",
        ),
    ),
    verification=Verify(hold=timedelta(minutes=2), within=timedelta(minutes=20)),
    prevention=(
        # One answer is noise: an overload of seconds, a slow one among many.
        Watch(check_claude_answers, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_claude_rate_limit, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_claude_latency, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_claude_key, every=timedelta(minutes=15)),
        Watch(check_claude_credit, every=timedelta(minutes=15)),
        # A model is retired on a day, and a limit changes with a deploy.
        Watch(check_claude_request, every=timedelta(hours=6)),
    ),
    drills=(
        Drill(fault=RevokeClaudeKey(), noticed_by=check_claude_key, resolved_by=UseSpareClaudeKey),
        Drill(fault=LimitClaude(), noticed_by=check_claude_rate_limit, resolved_by=SlowDownClaude),
        Drill(fault=OverloadClaude(), noticed_by=check_claude_answers, resolved_by=SlowDownClaudeInOverload),
        Drill(fault=SlowClaude(), noticed_by=check_claude_latency, resolved_by=SlowDownClaudeForPace),
    ),
)

"""What we ask n8n about its workflows: are those active that must be, do they succeed, do their credentials work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from tasks.check import check
from tasks.model import CannotLook, Finding, Threshold, Verdict
from tasks.n8n.lanes import each
from tasks.n8n.system import N8n
from tasks.n8n.told import Used, Workflow
from tasks.n8n.workflows.expected import Expected, LastRuns, expected, last_runs
from tasks.postgres.words import limit, span

SILENCE_LIMIT = Threshold(
    warn=0.7,
    bad=1,
    because="Owner: the team on call. In shares of the time that a workflow is allowed without a success (`expected`); "
    "seed S3 alerts after 15 min, and at 0.7 of them five runs of two minutes were missed.",
)
# Of one look: each has n8n log in somewhere.
MOST_TRIED = 20
SHOWN = 20


@check
def check_n8n_active(n8n: N8n) -> Finding:
    """Is every workflow active that must run?

    Those that the configuration names (`expected`): one that was deactivated, archived or removed leaves no error
    anywhere. What else is active or not is the team's own affair.
    """
    asked = expected(n8n)
    sick = [one for one in asked if one.wrong]
    return Finding(
        verdict=Verdict.BAD if sick else Verdict.OK,
        says=f"{len(sick)} of {len(asked)} expected workflows cannot run: "
        f"{'; '.join(f'{one.name!r} {one.wrong}' for one in sick[:5])}."
        if sick
        else f"All {len(asked)} expected workflows are active.",
        value=float(len(sick)),
        unit="workflows",
        rows=[{"workflow": one.name, "id": one.workflow.id if one.workflow else "", "is": one.wrong} for one in sick],
    )


@check
def check_n8n_last_runs(n8n: N8n, silence: Threshold = SILENCE_LIMIT) -> Finding:
    """Has each workflow that must run succeeded lately?

    From the list in the configuration, by the last success: one that never ran leaves nothing that an alarm on rows
    would see, and one that always fails runs all the time. Where n8n is told to forget successes, nobody can say.
    """
    now = datetime.now(UTC)
    asked = [one for one in expected(n8n) if one.workflow is not None]
    found = [_silent(one, runs, now) for one, runs in each(asked, partial(_last_runs, n8n))]
    known = sorted((one for one in found if one.known), key=lambda one: -one.share)
    unknown = [one.name for one in found if not one.known]
    sick = [one for one in known if silence.judge(one.share)]
    forgets = f" n8n forgets the successes of {', '.join(unknown[:5])}: have it keep them." if unknown else ""
    worst = silence.judge(known[0].share) if known else Verdict.UNKNOWN
    return Finding(
        verdict=max(worst, Verdict.UNKNOWN) if unknown else worst,
        says=_said(sick, len(known)) + forgets,
        value=known[0].share if known else None,
        unit="ratio",
        facts={"workflows": len(found), "stopped": len(sick)},
        rows=[
            {"workflow": one.name, "silent_s": one.silent_s, "allowed_s": one.allowed_s, "how": one.how}
            for one in sick[:SHOWN]
        ],
    )


@check
def check_n8n_credentials(n8n: N8n) -> Finding:
    """Are the credentials there that active workflows use, and do those of the expected ones work?

    What is missing is only found when its node runs. Whether one works n8n tries itself, by logging in once with each
    of at most 20; for many types it knows no such trial. No secret is told by anybody.
    """
    workflows = [one for one in n8n.workflows() if one.active]
    listed = n8n.credentials()
    if listed is None:
        return Finding.unknown("This n8n is too old to list its credentials.", remedy="Look in n8n under Credentials.")
    there = {one.id for one in listed}
    missing = [(one, used) for one in workflows for used in _used(one) if used.id not in there]
    names = set(n8n.expected)
    wanted = {
        used.id: used for one in workflows if {one.id, one.name} & names for used in _used(one) if used.id in there
    }
    refused = _refused(n8n, list(wanted.values())[:MOST_TRIED])
    sick = [f"{used.name!r} of {one.name!r} is not there" for one, used in missing]
    sick += [f"{used.name!r} does not work ({says})" for used, says in refused]
    return Finding(
        verdict=Verdict.BAD if sick else Verdict.OK,
        says=f"{'; '.join(sick[:5])}." if sick else f"All credentials of {len(workflows)} active workflows are there.",
        value=float(len(sick)),
        unit="credentials",
        rows=[
            *(
                {"credential": used.name, "type": used.type, "workflow": one.name, "is": "gone"}
                for one, used in missing
            ),
            *({"credential": used.name, "type": used.type, "workflow": "", "is": says} for used, says in refused),
        ][:SHOWN],
    )


def _used(one: Workflow) -> Iterable[Used]:
    return {used.id: used for node in one.nodes if not node.disabled for used in node.credentials}.values()


def _refused(n8n: N8n, tried: list[Used]) -> list[tuple[Used, str]]:
    """Those that n8n could not log in with. What could not be tried is no refusal."""
    answers = each(tried, lambda used: n8n.try_credential(used.id))
    return [(used, one[1]) for used, one in answers if isinstance(one, tuple) and not one[0]]


def _last_runs(n8n: N8n, one: Expected) -> LastRuns:
    return last_runs(n8n, one.workflow) if one.workflow else LastRuns(success=None, failure=None, goes_on=False)


@dataclass(frozen=True, kw_only=True)
class _Silent:
    """How long a workflow has not succeeded; not `known`: n8n forgets its successes."""

    name: str
    silent_s: float
    allowed_s: float
    ever: bool
    how: str
    known: bool

    @property
    def share(self) -> float:
        return self.silent_s / self.allowed_s


def _silent(one: Expected, runs: LastRuns | CannotLook, now: datetime) -> _Silent:
    if isinstance(runs, CannotLook):
        raise runs
    # Of one that never succeeded, since it was made.
    since = runs.success or (one.workflow.created_at if one.workflow else None)
    silent_s = max((now - since).total_seconds(), 0.0) if since else 2 * one.allowed_s
    keeps = one.workflow is not None and one.workflow.keeps_successes
    return _Silent(
        name=one.name,
        silent_s=silent_s,
        allowed_s=one.allowed_s,
        ever=runs.success is not None,
        how=_how(one, runs, now),
        # That it fails is seen all the same.
        known=keeps or runs.success is not None or runs.failure is not None,
    )


def _how(one: Expected, runs: LastRuns, now: datetime) -> str:
    if one.wrong:
        return f"it {one.wrong}"
    if runs.failure is not None and (now - runs.failure).total_seconds() < one.allowed_s:
        return "it runs and fails"
    if runs.goes_on:
        return "it runs and does not end"
    return "it does not run" if runs.success or runs.failure else "n8n knows of no run of it"


def _said(sick: list[_Silent], of: int) -> str:
    if not sick:
        return f"All {of} expected workflows that are there have succeeded lately."
    told = "; ".join(
        f"{one.name!r} {'for' if one.ever else 'never,'} {span(one.silent_s)} "
        f"(allowed: {limit(one.allowed_s)}; {one.how})"
        for one in sick[:3]
    )
    return f"{len(sick)} of {of} expected workflows did not succeed lately: {told}."

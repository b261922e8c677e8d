"""What can be done about n8n itself: restart it, through the environment's `n8n_service`."""

from __future__ import annotations

from tasks.action import Action
from tasks.model import CannotLook, NoWayBack, Outcome, Plan, Risk, Row
from tasks.n8n.system import N8n
from tasks.n8n.told import State
from tasks.service.restarts import has_restarted, no_plan, plan_of, restarted
from tasks.service.system import N8nService

NOUN = "n8n instances"
CUTS_OFF = (
    "What runs at that moment: n8n waits half a minute for it (N8N_GRACEFUL_SHUTDOWN_TIMEOUT), then it is cut off, is "
    "listed as crashed and is not gone on with; a retry sends again what it had sent. What waits for its time, or for "
    "a place, goes on afterwards."
)


class _Restart(Action):
    """A restart of n8n."""

    undo = NoWayBack(loses=CUTS_OFF)

    # n8n is asked for the plan only; `apply` and `applied` are handed the same systems.
    def apply(self, n8n: N8n, n8n_service: N8nService, plan: Plan) -> Outcome:  # noqa: ARG002
        return restarted(n8n_service, plan)

    def applied(self, n8n: N8n, n8n_service: N8nService, plan: Plan) -> bool | None:  # noqa: ARG002
        return has_restarted(n8n_service, plan)


class RestartN8n(_Restart):
    """Restart n8n, which does not answer.

    Only while it does not, or is not ready. A key that is refused or a workflow that fails is not mended by it, and
    neither is a connection: there is none that a restart would reset.
    """

    def plan(self, n8n: N8n, n8n_service: N8nService) -> Plan:
        try:
            health = n8n.health()
        except CannotLook as error:
            return _planned(n8n_service, f"Restart n8n. {error.says}", [])
        if health.ready:
            return no_plan(f"Nothing to restart: {health.says}.", noun=NOUN, loses=self.way_back)
        return _planned(n8n_service, f"Restart n8n: {health.says}.", [])


class RestartSilentN8n(_Restart):
    """Restart n8n, whose workflows are active and do not run.

    It answers, and its triggers do not fire: they are registered anew when it starts. Refused while anything runs,
    which a restart would cut off.
    """

    def plan(self, n8n: N8n, n8n_service: N8nService) -> Plan:
        running = next(n8n.executions(State.RUNNING), [])
        if running:
            does = f"Not while {len(running)} runs go on: a restart would cut them off. Stop them first, or wait."
            return no_plan(does, noun=NOUN, loses=self.way_back)
        waiting = next(n8n.executions(State.WAITING), [])
        evidence: list[Row] = [{"execution": run.id, "waits until": str(run.waits_until or "")} for run in waiting[:20]]
        does = (
            f"Restart n8n, so that it registers its triggers anew. Nothing runs; {len(waiting)} wait and go on later."
        )
        return _planned(n8n_service, does, evidence)


def _planned(service: N8nService, does: str, evidence: list[Row]) -> Plan:
    return plan_of(
        service, does, noun=NOUN, risk=Risk.MODERATE, loses=f"No way back. {CUTS_OFF}", evidence=evidence
    )  # fmt: skip

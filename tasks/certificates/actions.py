"""Renew certificates by the team's own command."""

from __future__ import annotations

from tasks import deadline
from tasks.action import Action
from tasks.certificates.checks import CERTIFICATE_LEFT, shown
from tasks.certificates.system import Certificates
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Threshold
from tasks.postgres.words import count


class RenewCertificates(Action):
    """Renew the certificates that end soon.

    By the team's own command. Its exit code tells nothing (it is 0 where there was nothing to renew): done is what ends
    later than before.
    """

    undo = NoWayBack(
        loses="Nothing: the old certificates are valid until they end, and certbot keeps them in `archive`."
    )

    def plan(self, certificates: Certificates, left: Threshold = CERTIFICATE_LEFT) -> Plan:
        found = certificates.there()
        soon = [one for one in found if left.judge((one.ends - deadline.now()).total_seconds())]
        names = ", ".join(one.file for one in soon)
        # Which end when is the effect: the command itself decides what it renews.
        target = {"ends": {one.file: one.ends.isoformat() for one in soon}}
        return Plan(
            does=f"Renew {names}, by `{certificates.line}`." if soon else "Nothing to renew: no certificate ends soon.",
            commands=(Command(line=certificates.line, target=target),) if soon else (),
            blast_radius=BlastRadius(touched=len(soon), total=len(found), noun="certificates"),
            risk=Risk.LOW,
            loses=self.undo.loses,
            evidence=[shown(one) for one in soon],
            language="sh",
        )

    def apply(self, certificates: Certificates, plan: Plan) -> Outcome:
        if [command.line for command in plan.commands] != [certificates.line]:
            raise Refused("The configured command is not the one that was approved.", remedy="Plan it again.")
        ran = certificates.renewed()
        old = _as_before(certificates, plan)
        said = [{"said": line} for line in ran.lines[-20:]]
        if old:
            says = f"The command ended well and renewed nothing of this: {', '.join(old)} end when they did before."
            return Outcome(says=says, complete=False, rows=said)
        return Outcome(says=f"{count(plan.blast_radius.touched, 'certificate')} renewed.", complete=True, rows=said)

    def applied(self, certificates: Certificates, plan: Plan) -> bool | None:
        return not _as_before(certificates, plan)


def _as_before(certificates: Certificates, plan: Plan) -> list[str]:
    """The files of the plan that end no later than they did, or are gone."""
    ends = {one.file: one.ends.isoformat() for one in certificates.there()}
    before = {str(file): str(end) for command in plan.commands for file, end in dict(command.target["ends"]).items()}  # type: ignore[arg-type]
    return [file for file, end in before.items() if ends.get(file, "") <= end]

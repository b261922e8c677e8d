"""Ways to keep addresses out for a while, and to let them in again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from tasks.action import Action
from tasks.blocking.attackers import attackers, covering, judged
from tasks.blocking.block_file import Block
from tasks.blocking.system import Blocking
from tasks.logs.checks import LOGINS_OF_ONE
from tasks.logs.origin import Network, shown, written
from tasks.logs.system import Logs
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Threshold, Verdict

# Each is read by whoever approves.
MOST_AT_ONCE = 50
NOUN = "networks that were refused a login"


class BlockAttackers(Action):
    """Keep the addresses out that try passwords.

    Each for the hours that are configured, and then no more. Exactly those that were refused as often within the last
    hour as the question calls bad, or guessed a password; an IPv6 address with its /64. Never an address of yours
    (`never`), a proxy, an inner address, nor this machine. Whoever shares such an address is kept out, too.
    """

    narrows = True

    def plan(self, logs: Logs, blocking: Blocking, of_one: Threshold = LOGINS_OF_ONE) -> Plan:
        found = attackers(logs, blocking, of_one)
        bad = [one for one in found.free if judged(one, of_one) is Verdict.BAD]
        refused: dict[Network, Refused] = {}
        for one in bad:
            try:
                blocking.refuse(one.network, logs.proxies)
            except Refused as error:
                refused[one.network] = error
        chosen = [one for one in bad if one.network not in refused][:MOST_AT_ONCE]
        if refused and not chosen:
            raise next(iter(refused.values()))
        let_in = sum(one.worked for one in chosen)
        more = [error.says for error in list(refused.values())[:3]]
        if (left := len(bad) - len(refused) - len(chosen)) > 0:
            more.append(f"{left:,} more are left for another round.")
        if let_in:
            more.append(f"{let_in:,} logins from there worked within the last hour: a guess, or people of yours.")
        named = ", ".join(shown(one.network) for one in chosen[:5]) + (" …" if len(chosen) > 5 else "")
        does = f"Keep {named} out for {blocking.hours:g} hours." if chosen else "Nothing to do: nobody to keep out."
        return Plan(
            does=" ".join([does, *more]),
            commands=tuple(
                Command(
                    line=blocking.line_for(one.network),
                    target={"network": str(one.network), "seconds": blocking.seconds},
                )
                for one in chosen
            ),
            blast_radius=BlastRadius(touched=len(chosen), total=len(found.seen.sources), noun=NOUN),
            # Where somebody also got in, it may be an office, or a provider's one address for many homes.
            risk=Risk.HIGH if let_in else Risk.MODERATE,
            loses=f"Whoever else comes from there is kept out for {blocking.hours:g} hours.",
            evidence=[one.row for one in chosen[:20]],
            language="sh",
        )

    def apply(self, logs: Logs, blocking: Blocking, plan: Plan) -> Outcome:
        there = blocking.blocks()
        networks = []
        for command in plan.commands:
            network = _network(command)
            if command.line != blocking.line_for(network) or command.target["seconds"] != blocking.seconds:
                raise Refused(
                    f"Approved was `{command.line}`, and the configuration says `{blocking.line_for(network)}`, for "
                    f"{blocking.hours:g} hours.",
                    remedy="Open the incident again: it plans with the configuration as it is now.",
                )
            blocking.refuse(network, logs.proxies)
            if not covering(network, there):
                networks.append(network)
        until_s = blocking.keep_out(networks, blocking.seconds)
        until = datetime.fromtimestamp(until_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        already = len(plan.commands) - len(networks)
        told = f" {already} kept out already." if already else ""
        return Outcome(
            says=f"{_count(networks)} kept out until {until}.{told}",
            complete=True,
            rows=[{"network": str(one), "until": until} for one in networks],
            # Who was kept out by others before is not let in by our undo.
            not_done=[command.target for command in plan.commands if _network(command) not in networks],
        )

    def applied(self, logs: Logs, blocking: Blocking, plan: Plan) -> bool | None:  # noqa: ARG002 - the verbs take alike
        there = [one for one in blocking.blocks() if not one.is_over]
        return all(covering(_network(command), there) for command in plan.commands)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Exactly those can be let in again, before their time."""
        return LiftBlocks([_network(command) for command in plan.commands])


class LiftBlocks(Action):
    """Let the blocked addresses in again.

    Exactly those that were blocked; what others have blocked stays.
    """

    undo = NoWayBack(loses="Nothing: whoever goes on trying is blocked again by the runbook.")
    narrows = True

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = tuple(networks)

    def plan(self, blocking: Blocking) -> Plan:
        there = blocking.blocks()
        return _lifting(blocking, [one for one in there if one.network in self.networks and _is_ours(blocking, one)])

    def apply(self, blocking: Blocking, plan: Plan) -> Outcome:
        return _lift(blocking, plan)

    def applied(self, blocking: Blocking, plan: Plan) -> bool | None:
        return _lifted(blocking, plan)


class LiftBlocksThatAreOver(Action):
    """Lift the blocks whose time is over.

    Those that an incident made, each once the hours that were approved have passed. Where a firewall ends its blocks by
    itself, there is nothing to do.
    """

    undo = NoWayBack(loses="Nothing: their time was over, and whoever goes on trying is blocked again.")
    narrows = True

    def plan(self, blocking: Blocking) -> Plan:
        return _lifting(blocking, [one for one in blocking.blocks() if one.is_over])

    def apply(self, blocking: Blocking, plan: Plan) -> Outcome:
        return _lift(blocking, plan)

    def applied(self, blocking: Blocking, plan: Plan) -> bool | None:
        return _lifted(blocking, plan)


def _is_ours(blocking: Blocking, block: Block) -> bool:
    return blocking.file is None or block.until_s is not None


def _lifting(blocking: Blocking, chosen: Sequence[Block]) -> Plan:
    networks = list(dict.fromkeys(one.network for one in chosen))
    named = ", ".join(shown(one) for one in networks[:5]) + (" …" if len(networks) > 5 else "")
    return Plan(
        does=f"Let {named} in again." if networks else "Nothing to lift.",
        commands=tuple(
            Command(line=f"# out of {blocking.where}: {shown(one)}", target={"network": str(one)}) for one in networks
        ),
        blast_radius=BlastRadius(touched=len(networks), total=len(blocking.blocks()), noun="blocks"),
        risk=Risk.LOW,
        loses="Nothing: whoever goes on trying is blocked again.",
        language="sh",
    )


def _lift(blocking: Blocking, plan: Plan) -> Outcome:
    networks = [_network(command) for command in plan.commands]
    blocking.let_in(networks)
    return Outcome(says=f"{_count(networks)} let in again.", complete=True, rows=[c.target for c in plan.commands])


def _lifted(blocking: Blocking, plan: Plan) -> bool:
    there = {one.network for one in blocking.blocks() if _is_ours(blocking, one)}
    return not any(_network(command) in there for command in plan.commands)


def _network(command: Command) -> Network:
    network = written(str(command.target["network"]))
    if network is None:
        raise Refused(f"{command.target['network']!r} is no network.")
    return network


def _count(networks: Sequence[Network]) -> str:
    return f"{len(networks):,} network{'s' if len(networks) != 1 else ''}"

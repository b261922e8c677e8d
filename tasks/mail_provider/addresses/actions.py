"""What can be changed about whom the mail provider sends to: suppress addresses, and let go of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tasks.action import Action
from tasks.mail.addresses import masked
from tasks.mail.codes import Kind
from tasks.mail_provider.addresses.listed import listed, same, suppressed_of, wrongly
from tasks.mail_provider.reading import shown
from tasks.mail_provider.system import MailProvider
from tasks.mail_provider.told import Cause, Suppressed, Suppressions
from tasks.mail_provider.vendor import MOST_AT_ONCE, Vendor
from tasks.model import BlastRadius, Command, Outcome, Plan, Risk, Row

WINDOW = timedelta(hours=24)


class SuppressHardBounced(Action):
    """Suppress the addresses that do not exist.

    Those of the last day's failures that a server called unknown for good, and that the provider does not hold back by
    itself; a hundred at once. Soft bounces and blocks say nothing against an address, and are left alone.
    """

    narrows = True

    def plan(self, mail_provider: MailProvider) -> Plan:
        api = mail_provider.api()
        failures = api.failures(datetime.now(UTC) - WINDOW)
        hard = {same(one.address): one.address for one in failures.found if one.kind is Kind.HARD and one.final}
        already = suppressed_of(api, hard.values())
        left = sorted(set(hard.values()) - already)
        chosen = left[:MOST_AT_ONCE]
        rest = f" {len(left) - len(chosen):,} more come in a round of their own." if len(left) > len(chosen) else ""
        newest = "" if failures.whole else " Only the newest failures are told."
        return Plan(
            does=f"Suppress {len(chosen)} of {len(hard)} addresses at {api.name} that do not exist; {len(already)} are "
            f"suppressed already.{rest}{newest}",
            commands=tuple(_suppress(api, one) for one in chosen),
            blast_radius=BlastRadius(touched=len(chosen), total=max(len(hard), 1), noun="hard-bounced addresses"),
            risk=Risk.LOW,
            loses="Nothing is sent to them until they are taken from the list again.",
            evidence=[
                {"address": masked(one.address), "code": f"{one.reply} {one.status}".strip(), "means": one.means}
                for one in failures.found
                if one.address in chosen
            ],
            language="http",
        )

    def apply(self, mail_provider: MailProvider, plan: Plan) -> Outcome:
        return _suppress_all(mail_provider.api(), plan)

    def applied(self, mail_provider: MailProvider, plan: Plan) -> bool | None:
        addresses = _addresses(plan)
        return suppressed_of(mail_provider.api(), addresses) == frozenset(addresses)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Take exactly these addresses from the list again."""
        return ReleaseOurs(_addresses(plan))


class _Release(Action):
    """Take addresses from the suppression list."""

    narrows = True

    @abstractmethod
    def _found(self, api: Vendor, told: Suppressions) -> list[Suppressed]:
        """Which, of those that are listed."""

    def plan(self, mail_provider: MailProvider) -> Plan:
        api = mail_provider.api()
        told = listed(api)
        found = self._found(api, told)
        chosen = sorted(found, key=lambda one: one.address)[:MOST_AT_ONCE]
        rest = f" {len(found) - len(chosen):,} more come in a round of their own." if len(found) > len(chosen) else ""
        return Plan(
            does=f"Take {len(chosen)} of {len(told.found):,} addresses from {api.name}'s suppression list.{rest}",
            commands=tuple(
                Command(line=api.release_line(one, masked(one.address)), target=_as_target(one)) for one in chosen
            ),
            blast_radius=BlastRadius(touched=len(chosen), total=max(len(told.found), 1), noun="suppressed addresses"),
            risk=Risk.MODERATE,
            loses="Mail goes to them again. Each that bounces again counts against us.",
            evidence=[
                {"address": masked(one.address), "kind": str(one.kind or ""), "said": shown(one.said)} for one in chosen
            ],
            language="http",
        )

    def apply(self, mail_provider: MailProvider, plan: Plan) -> Outcome:
        api = mail_provider.api()
        still = suppressed_of(api, _addresses(plan))
        gone = [planned.target for planned in plan.commands if planned.target["address"] not in still]
        for planned in plan.commands:
            if planned.target["address"] in still:
                api.release(_target(planned.target))
        done = len(plan.commands) - len(gone)
        return Outcome(says=f"Took {done} addresses from {api.name}'s list.", complete=True, not_done=gone)

    def applied(self, mail_provider: MailProvider, plan: Plan) -> bool | None:
        return not suppressed_of(mail_provider.api(), _addresses(plan))

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put exactly these addresses back on the list; why they were there first is not told there any more."""
        return SuppressAgain(_addresses(plan))


class ReleaseWronglySuppressed(_Release):
    """Let go of the addresses that are suppressed for no good reason.

    Those that bounced once because a mailbox was full or a server did not want us; a hundred at once. Who complained or
    unsubscribed stays, always.
    """

    def _found(self, api: Vendor, told: Suppressions) -> list[Suppressed]:  # noqa: ARG002
        return wrongly(told)


class ReleaseOurs(_Release):
    """Take addresses from the suppression list of the mail provider that we have put there.

    Where a vendor keeps several lists, from that one alone: a complaint that came since stays.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        self.addresses = tuple(addresses)

    def _found(self, api: Vendor, told: Suppressions) -> list[Suppressed]:
        wanted = {same(one): one for one in self.addresses}
        ours = {same(one.address): one for one in told.found if (one.cause, one.kept_in) == api.puts}
        # Behind the end of what was read: there the vendor is asked for the one list only.
        unseen = [] if told.whole else [wanted[key] for key in wanted.keys() - ours.keys()]
        cause, kept_in = api.puts
        return [ours[key] for key in ours.keys() & wanted.keys()] + [
            Suppressed(address=one, cause=cause, kept_in=kept_in) for one in unseen if api.is_suppressed(one)
        ]


class SuppressAgain(Action):
    """Put addresses back on the suppression list of the mail provider."""

    narrows = True

    def __init__(self, addresses: Iterable[str]) -> None:
        self.addresses = tuple(addresses)

    def plan(self, mail_provider: MailProvider) -> Plan:
        api = mail_provider.api()
        left = sorted(set(self.addresses) - suppressed_of(api, self.addresses))[:MOST_AT_ONCE]
        return Plan(
            does=f"Put {len(left)} of {len(self.addresses)} addresses back on {api.name}'s suppression list.",
            commands=tuple(_suppress(api, one) for one in left),
            blast_radius=BlastRadius(touched=len(left), total=max(len(self.addresses), 1), noun="addresses"),
            risk=Risk.LOW,
            loses="Nothing is sent to them until they are taken from the list again.",
            language="http",
        )

    def apply(self, mail_provider: MailProvider, plan: Plan) -> Outcome:
        return _suppress_all(mail_provider.api(), plan)

    def applied(self, mail_provider: MailProvider, plan: Plan) -> bool | None:
        return suppressed_of(mail_provider.api(), _addresses(plan)) == frozenset(_addresses(plan))

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Take exactly these addresses from the list again."""
        return ReleaseOurs(_addresses(plan))


def _suppress(api: Vendor, address: str) -> Command:
    return Command(line=api.suppress_line(masked(address)), target={"address": address})


def _suppress_all(api: Vendor, plan: Plan) -> Outcome:
    """Those that somebody has suppressed meanwhile are not ours: an undo must leave them where they are."""
    before = suppressed_of(api, _addresses(plan))
    todo = [address for address in _addresses(plan) if address not in before]
    if todo:
        api.suppress(todo)
    return Outcome(
        says=f"Suppressed {len(todo)} addresses at {api.name}.",
        complete=True,
        not_done=[planned.target for planned in plan.commands if planned.target["address"] in before],
    )


def _addresses(plan: Plan) -> list[str]:
    return [str(planned.target["address"]) for planned in plan.commands]


def _as_target(one: Suppressed) -> Row:
    return {"address": one.address, "cause": str(one.cause), "kept_in": one.kept_in}


def _target(target: Row) -> Suppressed:
    return Suppressed(address=str(target["address"]), cause=Cause(str(target["cause"])), kept_in=str(target["kept_in"]))

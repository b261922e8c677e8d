"""What can be changed at Unipile: the spare key put in place, and links by which users connect their accounts again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tasks import spare_key
from tasks.action import Action
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.unipile import links
from tasks.unipile.links import Link
from tasks.unipile.system import LINK, RECONNECTED, Account, Unipile

# A person has to be reached and has to look for a password. Unipile ends them all at its daily restart.
LIVES = timedelta(hours=1)
MOST_LINKS = 50


class UseSpareUnipileKey(Action):
    """Put the spare key for Unipile where the application finds its key.

    Only while Unipile refuses the one that is there, and takes the spare one: both are tried first. Neither is ever
    shown; a fingerprint tells them apart. The replaced key is kept beside the file, as private as it was.
    """

    def plan(self, unipile: Unipile) -> Plan:
        return spare_key.use_plan(unipile)

    def apply(self, unipile: Unipile, plan: Plan) -> Outcome:
        return spare_key.use(unipile, plan)

    def applied(self, unipile: Unipile, plan: Plan) -> bool | None:
        return spare_key.is_there(unipile, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put the replaced key back."""
        return PutUnipileKeyBack(now=str(plan.commands[0].target["to"]), back=str(plan.commands[0].target["from"]))


class PutUnipileKeyBack(Action):
    """Put the replaced key for Unipile back.

    Only if the file still holds the one that we put there.
    """

    undo = NoWayBack(loses="Nothing: the spare key is configured, and can be put in place again.")

    def __init__(self, now: str, back: str) -> None:
        """Fingerprints: of the key that is there, and of the one that was."""
        self.now, self.back = now, back

    def plan(self, unipile: Unipile) -> Plan:
        return spare_key.back_plan(unipile, self.now, self.back)

    def apply(self, unipile: Unipile, plan: Plan) -> Outcome:
        return spare_key.back(unipile, plan)

    def applied(self, unipile: Unipile, plan: Plan) -> bool | None:
        return spare_key.is_there(unipile, plan)


class MakeReconnectLinks(Action):
    """Have links made by which their users connect the lost accounts again.

    One for each account that has none yet, good for an hour, each for its own user. They are written into a file that
    only whoever runs this may read, and nowhere else: who has a link can use it. Hand each to its user, or write to
    them that the application asks for it. To have them all made anew, remove the file.
    """

    narrows = True
    undo = NoWayBack(loses="A link that was handed on works until it ends, an hour at most.")

    def plan(self, unipile: Unipile) -> Plan:
        if unipile.links_file is None:
            raise Refused(
                "There is no file that links could be written into.",
                remedy='links_file = "/run/incident/unipile-links"  # under unipile; read by whoever hands them on',
            )
        accounts = unipile.accounts()
        have = links.accounts_in(unipile.links_file)
        lost = [one for one in accounts if one.status in RECONNECTED]
        without = [one for one in lost if one.id not in have]
        made = without[:MOST_LINKS]
        rest = f" Another {len(without) - len(made)} in the next round." if len(without) > len(made) else ""
        does = f"Have {len(made)} link(s) made, into {unipile.links_file.name}.{rest}"
        if not made:
            does = "Nothing to do: no account waits for its user."
            if lost:
                does = f"Nothing to do: each of {len(lost)} has a link in {unipile.links_file.name} that is still good."
        return Plan(
            does=does,
            commands=tuple(_command(one) for one in made),
            blast_radius=BlastRadius(touched=len(made), total=len(accounts), noun="accounts"),
            risk=Risk.LOW,
            loses="Nothing. Who has a link can connect that account with a login of their own, for an hour.",
            language="http",
        )

    def apply(self, unipile: Unipile, plan: Plan) -> Outcome:
        file = unipile.links_file
        if file is None:
            raise Refused("The file for the links is not configured any more.")
        until = datetime.now(UTC) + LIVES
        made: list[Link] = []
        left: list[Row] = []
        why = ""
        for command in plan.commands:
            account = str(command.target["account"])
            try:
                made.append(Link(account=account, until=until, url=unipile.reconnect_link(account, until)))
            except CannotLook as error:
                left.append(command.target)
                why = f" {error.says}"
        if made:
            links.write(file, made)
        elif why:
            raise CannotLook(f"No link was made.{why}")
        return Outcome(
            says=f"{len(made)} of {len(plan.commands)} links lie in {file}, until {until:%H:%M} UTC.{why}",
            complete=not left,
            rows=[{"account": one.account, "until": one.until.isoformat()} for one in made],
            not_done=left,
        )

    def applied(self, unipile: Unipile, plan: Plan) -> bool | None:
        wanted = {str(command.target["account"]) for command in plan.commands}
        return unipile.links_file is not None and wanted <= links.accounts_in(unipile.links_file)


def _command(one: Account) -> Command:
    return Command(line=f"POST {LINK} reconnect {one.id}", target={"account": one.id})

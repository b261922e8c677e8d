"""Publish the records that are declared, by dynamic update, and put back what stood there before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tasks.action import Action
from tasks.dns.looked import Looked
from tasks.dns.updates import Updates
from tasks.excerpt import excerpt
from tasks.mail_domain.declared import SHOWN, Place, data, line, places, values
from tasks.mail_domain.system import MailDomain
from tasks.model import BlastRadius, CannotLook, Command, Json, Outcome, Plan, Risk, Row
from tasks.postgres.words import count

# Long enough to keep resolvers from asking all day, and gone from their memory by the next cup of coffee.
TTL_S = 300
Look = Callable[[str, str], Looked]


class PublishRecords(Action):
    """Publish the records that are declared.

    Those that are missing or differ, each in the place of what stands there: of several TXT records under a name only
    the one of its kind (SPF, DMARC) is replaced. By dynamic update, under the condition that nothing has changed since.
    """

    def plan(self, mail_domain: MailDomain) -> Plan:
        if mail_domain.update is None:
            return _by_hand(mail_domain)
        updates = mail_domain.updates()
        found = places(mail_domain.records, updates.look)
        differ = [place for place in found if place.differs]
        ready = [place for place in differ if not _stands_aside(place)]
        return Plan(
            does=_says(mail_domain, differ, ready),
            commands=_commands(ready),
            blast_radius=BlastRadius(touched=len(ready), total=len(found), noun="declared records"),
            risk=Risk.MODERATE,
            loses="What stands there now; it is kept with the plan, and can be put back.",
            evidence=[_row(place) for place in differ],
            language="text",
        )

    def apply(self, mail_domain: MailDomain, plan: Plan) -> Outcome:
        return _replaced(mail_domain, plan)

    def applied(self, mail_domain: MailDomain, plan: Plan) -> bool | None:
        return _stands(mail_domain, plan)

    def undo(self, plan: Plan, _outcome: Outcome) -> Action:
        """The records that stood there before are published again."""
        return RestoreRecords(plan)


class RestoreRecords(Action):
    """Publish again what stood there before.

    Only where what was published still stands: what somebody has changed since is left alone.
    """

    def __init__(self, done: Plan) -> None:
        self.done = done

    def plan(self, mail_domain: MailDomain) -> Plan:
        updates = mail_domain.updates()
        back = [
            _exchange(str(t["name"]), str(t["type"]), _list(t["after"]), _list(t["before"]), int(str(t["ttl_s"])))
            for t in (command.target for command in self.done.commands)
            if _stands_there(updates, t)
        ]
        return Plan(
            does=f"Publish again what stood under {_names(back)}." if back else "Nothing stands there as we left it.",
            commands=tuple(back),
            blast_radius=BlastRadius(touched=len(back), total=len(self.done.commands), noun="changed record sets"),
            risk=Risk.MODERATE,
            loses="The records that were published, which are still declared.",
            language="text",
        )

    def apply(self, mail_domain: MailDomain, plan: Plan) -> Outcome:
        return _replaced(mail_domain, plan)

    def applied(self, mail_domain: MailDomain, plan: Plan) -> bool | None:
        return _stands(mail_domain, plan)

    def undo(self, plan: Plan, _outcome: Outcome) -> Action:
        """What was taken back is published once more."""
        return RestoreRecords(plan)


def _by_hand(mail_domain: MailDomain) -> Plan:
    nothing = BlastRadius(touched=0, total=len(mail_domain.records), noun="declared records")
    does = (
        f"Nothing: no server takes changes to {mail_domain.domain} from here (`update`). "
        "The findings hold the records to publish by hand."
    )
    return Plan(does=does, commands=(), blast_radius=nothing, risk=Risk.MODERATE, loses="", language="text")


def _replaced(mail_domain: MailDomain, plan: Plan) -> Outcome:
    """Do the commands, each under its own condition; one that is refused keeps the others from nothing.

    One whose records stand there after all is done: by a run that broke off, or by a server whose answer got lost.
    """
    updates, rows, left = mail_domain.updates(), [], []
    for target in (command.target for command in plan.commands):
        name, kind = str(target["name"]), str(target["type"])
        try:
            updates.replace(
                name,
                kind,
                before=_list(target["before"]),
                after=_list(target["after"]),
                ttl_s=int(str(target["ttl_s"])),
            )
        except CannotLook as error:
            if not _is_there(updates, target):
                rows.append({"name": name, "type": kind, "said": error.says})
                left.append(target)
                continue
        rows.append({"name": name, "type": kind, "said": "published"})
    done = len(plan.commands) - len(left)
    says = f"{count(done, 'record set')} published." + (f" Not done: {_refusals(rows)}" if left else "")
    return Outcome(says=says, complete=not left, rows=rows, not_done=left)


def _refusals(rows: Iterable[Row]) -> str:
    return "; ".join(str(row["said"]) for row in rows if row["said"] != "published")


def _stands(mail_domain: MailDomain, plan: Plan) -> bool:
    updates = mail_domain.updates()
    return all(_stands_there(updates, command.target) for command in plan.commands)


def _stands_there(updates: Updates, target: Row) -> bool:
    """Do exactly the records stand there that were to?

    Raises:
        CannotLook: the server did not answer.
    """
    looked = updates.look(str(target["name"]), str(target["type"]))
    return not looked.aliases and sorted(looked.records) == sorted(_list(target["after"]))


def _is_there(updates: Updates, target: Row) -> bool:
    """The same, where that cannot be seen: no."""
    try:
        return _stands_there(updates, target)
    except CannotLook:
        return False


def _commands(ready: Sequence[Place]) -> tuple[Command, ...]:
    """A command for each name and type: all that stands there, before and after."""
    together: dict[tuple[str, str], list[Place]] = {}
    for place in ready:
        together.setdefault((place.name, place.kind), []).append(place)
    return tuple(_command(at_once) for at_once in together.values())


def _command(at_once: Sequence[Place]) -> Command:
    first = at_once[0]
    before = first.looked.records
    gone = {value for place in at_once for value in place.found}
    # What stays is left as it stands, whatever its strings are.
    kept = [text for text, value in zip(before, values(first.looked), strict=True) if value not in gone]
    wanted = [data(first.kind, value) for place in at_once for value in place.wanted]
    return _exchange(first.name, first.kind, before, sorted({*kept, *wanted}), first.looked.ttl_s if before else TTL_S)


def _exchange(name: str, kind: str, before: Sequence[str], after: Sequence[str], ttl_s: int) -> Command:
    """Two sets of records, as `nsupdate` would be told."""
    gone, new = [one for one in before if one not in after], [one for one in after if one not in before]
    told = [f"update delete {name}. {kind} {one}" for one in gone]
    told += [f"update add {name}. {ttl_s} {kind} {one}" for one in new]
    target: dict[str, Json] = {
        "name": name, "type": kind, "before": list(before), "after": list(after), "ttl_s": ttl_s,
    }  # fmt: skip
    return Command(line="\n".join(told), target=target)


def _stands_aside(place: Place) -> bool:
    """Does an alias stand there? Beside it there is no other record, and what it leads to is somebody else's."""
    return place.kind != "CNAME" and bool(place.looked.aliases)


def _says(mail_domain: MailDomain, differ: Sequence[Place], ready: Sequence[Place]) -> str:
    aside = [place for place in differ if place not in ready]
    rest = "".join(
        f" {place.name} is an alias of {place.looked.aliases[-1]}: that is changed there, or the alias removed by hand."
        for place in aside
    )
    if not ready:
        return (f"Nothing that can be published for {mail_domain.domain}." if aside else "All is as declared.") + rest
    return f"Publish {count(len(ready), 'declared record')} at {mail_domain.updates().server}: {_listed(ready)}.{rest}"


def _listed(ready: Sequence[Place]) -> str:
    return ", ".join(f"{place.name} {place.kind}" for place in ready)


def _names(commands: Sequence[Command]) -> str:
    return ", ".join(str(command.target["name"]) for command in commands)


def _row(place: Place) -> Row:
    return {
        "name": place.name,
        "said": place.said,
        "found": [excerpt(value, SHOWN) for value in place.found],
        "publish": [line(place.name, place.kind, value, TTL_S) for value in place.wanted],
    }


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []

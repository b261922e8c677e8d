"""Ways to let readers and mailbox providers react badly, in an application's own rows."""

from __future__ import annotations

from typing import ClassVar

from tasks.application.as_it_was import AsItWas
from tasks.application.faults import JOB
from tasks.application.leads import SOFT_TIMES
from tasks.application.reactions.queries import BOUNCE, LEAVE, LOSE_INTEREST, REFUSE
from tasks.application.system import ApplicationDatabase
from tasks.fault import Fault
from tasks.model import Refused, Row


class _Bounce(Fault):
    """Let mails come back."""

    kind: ClassVar[str]
    query: ClassVar[str] = BOUNCE

    def __init__(self, share: float = 0.2) -> None:
        """`share` of the mails of a day of the campaign that sends most."""
        self.share = share

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        given = {
            "kind": application.values(f"sends.bounces.{self.kind}")[0],
            "bounced": application.values("sends.statuses.bounced")[0],
        }
        was = AsItWas(application)
        with application.server.drill_session(JOB) as session:
            found = session.run(application.filled(self.query), **given, **self._given())
            if not found:
                raise Refused(f"{application.address} has no mails for this fault: none went out, or all long ago.")
            was.keep("sends", [{name: row[name] for name in ("id", "status", "bounce_type")} for row in found])
            # What the steps that a drill approves may change.
            leads, campaigns = _values(found, "lead"), _values(found, "campaign")
            was.look(session, "leads", ["status"], "id", leads)
            was.look(session, "enrolments", ["status", "reason"], "lead", leads)
            was.look(session, "campaigns", ["status"], "id", campaigns)
        return was

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()

    def _given(self) -> dict[str, object]:
        return {"share": self.share}


class BounceHard(_Bounce):
    """Let mails come back because their addresses do not exist."""

    kind = "hard"


class BounceBlocked(_Bounce):
    """Let mails come back because their sender is not wanted."""

    kind = "blocked"


class BounceSoft(_Bounce):
    """Let mailboxes refuse mail again and again."""

    kind = "soft"
    query = REFUSE

    def __init__(self, leads: int = 30) -> None:
        """All mails of eleven days to so many leads."""
        super().__init__()
        self.leads = leads

    def _given(self) -> dict[str, object]:
        return {"leads": self.leads, "times": SOFT_TIMES}


class LeaveOneCampaign(Fault):
    """Let the readers of one campaign unsubscribe in numbers."""

    def __init__(self, share: float = 0.05) -> None:
        """`share` of the mails of three days of the campaign that sends most; as many of them must be opened."""
        self.share = share

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        return _of_one_campaign(
            application,
            LEAVE,
            ("id", "type"),
            share=self.share,
            unsubscribe=application.values("events.types.unsubscribe")[0],
        )

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()


class LoseInterest(Fault):
    """Let nobody open the mails of one campaign, nor follow a link."""

    def cause(self, application: ApplicationDatabase) -> AsItWas:
        return _of_one_campaign(application, LOSE_INTEREST, ("id", "at"))

    def cure(self, trouble: AsItWas) -> None:
        trouble.restore()


def _of_one_campaign(application: ApplicationDatabase, query: str, fields: tuple[str, ...], **given: object) -> AsItWas:
    """Run `query` on events of one campaign's mails; what it tells of them is kept, and the campaign's status."""
    was = AsItWas(application)
    with application.server.drill_session(JOB) as session:
        found = session.run(application.filled(query), **given)
        if not found:
            raise Refused(f"{application.address} has no events for this fault: nothing was opened, or long ago.")
        was.keep("events", [{name: row[name] for name in fields} for row in found])
        was.look(session, "campaigns", ["status"], "id", _values(found, "campaign"))
    return was


def _values(rows: list[Row], name: str) -> list[str]:
    return list(dict.fromkeys(str(row[name]) for row in rows))

"""What we ask the OAuth servers of calendars, without any user's token: are they there, and do they take our client?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.calendar.provider import Knock
from tasks.calendar.system import Calendar, Client
from tasks.check import check
from tasks.model import CannotLook, Finding, Refused, Row, Threshold, Verdict
from tasks.oauth import reasons
from tasks.postgres.words import count

SECRET_ENDS = Threshold(
    warn=30,
    bad=7,
    because="Owner: the team on call. Days until the client secret ends, and with it every connection at once: thirty "
    "are enough for whoever may make another, seven are the last week in which that is no incident.",
)
REMEDIES = {
    reasons.CLIENT.name: "Make a new secret at the vendor, give it to the application, and restart it.",
    reasons.EXPIRED_SECRET.name: "Make a new secret at the vendor, and write its last day down: secret_expires.",
    reasons.NO_APP.name: "Look whether the application is registered in this tenant, and `client_id` is its own.",
    reasons.TENANT.name: "Correct `tenant`: an id, a domain of the tenant, or common.",
}
REGISTER = "Register the redirect URI at the vendor, or correct the one that the application sends."


@dataclass(frozen=True)
class Told:
    """What is said of one client."""

    verdict: Verdict
    says: str
    remedy: str = ""


@check
def check_calendar_discovery(calendar: Calendar) -> Finding:
    """Are the calendars' OAuth servers there, and do they publish the addresses that are used?

    The document that OpenID Connect Discovery defines. An address in it that is not the one used here is told: vendors
    move them with years of notice.
    """

    def ask(client: Client) -> Told:
        try:
            found = calendar.at(client).discovery()
        except Refused:
            raise
        except CannotLook as error:
            return Told(Verdict.BAD, error.says)
        if found.amiss:
            return Told(Verdict.WARN, f"{client.name} publishes otherwise than expected: {'; '.join(found.amiss)}.")
        return Told(Verdict.OK, f"{client.name} publishes the addresses that are used.")

    return _of_each(calendar, ask)


@check
def check_calendar_client(calendar: Calendar) -> Finding:
    """Do the calendars' OAuth servers know our client, and take its secret?

    Asked with a refresh token that is none, or by the client for itself: no user's token is needed, and none is used.
    While this is refused no user can connect, and none is refreshed; every token that is stored stays good.
    """

    def ask(client: Client) -> Told:
        knock = calendar.at(client).client(client.secret_now())
        if knock.reason is None:
            return Told(Verdict.OK, f"{client.name} takes our client and its secret.")
        if knock.reason is reasons.REQUEST:
            return Told(Verdict.UNKNOWN, f"{client.name} does not say whether it takes our secret ({_said(knock)}).")
        says = f"{client.name} refuses our client: {knock.reason.means} ({_said(knock)})."
        return Told(Verdict.BAD, says, REMEDIES.get(knock.reason.name, ""))

    return _of_each(calendar, ask)


@check
def check_calendar_secret_ends(calendar: Calendar, days: Threshold = SECRET_ENDS) -> Finding:
    """Does a client secret end soon?

    By the day that is configured (`secret_expires`): Microsoft's secrets end on a day that only its page tells.
    """
    today = datetime.now(UTC).date()
    ends = [(client, (client.secret_expires - today).days) for client in calendar.clients if client.secret_expires]
    if not ends:
        return Finding(verdict=Verdict.OK, says="Of no client secret it is said that it ends.")
    client, left = min(ends, key=lambda one: one[1])
    when = f"ends in {count(left, 'day').lower()}" if left >= 0 else f"ended {count(-left, 'day')} ago"
    return Finding(
        verdict=days.judge(left),
        says=f"The client secret at {client.name} {when}, on {client.secret_expires} (bad from {days.bad:,.0f} days).",
        value=float(left),
        unit="days",
        remedy=REMEDIES[reasons.EXPIRED_SECRET.name] if days.judge(left) else "",
    )


@check
def check_calendar_redirect(calendar: Calendar) -> Finding:
    """Is the redirect URI that the application sends the one that is registered?

    Compared letter by letter, as the vendors do: a slash at the end is another address. Then the vendor is asked as a
    browser would begin, without going on; its pages are no interface, and where they cannot be read that is said.
    """

    def ask(client: Client) -> Told:
        sent = client.redirect_now()
        differs = f", and registered is {client.redirect_uri}" if sent != client.redirect_uri else ""
        try:
            knock = calendar.at(client).redirect(sent, client.asked_scopes())
        except Refused:
            raise
        except CannotLook as error:
            if differs:
                return Told(Verdict.BAD, f"To {client.name} the application sends {sent}{differs}.", REGISTER)
            return Told(Verdict.OK, f"To {client.name} the application sends what is registered ({error.says})")
        if knock.reason is not None and knock.reason.about_client:
            return Told(Verdict.BAD, f"{client.name} refuses {sent}{differs}: {knock.reason.means}.", REGISTER)
        if differs:
            return Told(Verdict.WARN, f"{client.name} takes {sent}{differs}.")
        return Told(Verdict.OK, f"{client.name} takes the redirect URI that the application sends.")

    return _of_each(calendar, ask)


@check
def check_calendar_api(calendar: Calendar) -> Finding:
    """Do the calendars' APIs answer?

    Without a token, so the healthy answer is that one is wanted (401). What a user's token may is not asked.
    """

    def ask(client: Client) -> Told:
        try:
            answer = calendar.at(client).calendar()
        except Refused:
            raise
        except CannotLook as error:
            return Told(Verdict.BAD, error.says)
        if answer.status == 429:
            return Told(Verdict.WARN, f"{client.name}'s calendar API answers 429: it is asked too often from here.")
        if answer.status >= 500:
            return Told(Verdict.BAD, f"{client.name}'s calendar API answers {answer.status}: it is in trouble itself.")
        if answer.status != 401:
            return Told(Verdict.WARN, f"{client.name}'s calendar API answers {answer.status} where it wants a token.")
        return Told(Verdict.OK, f"{client.name}'s calendar API answers.")

    return _of_each(calendar, ask)


def _of_each(calendar: Calendar, ask: Callable[[Client], Told]) -> Finding:
    """One answer about all clients: the worst verdict, and what was said of each that is not well.

    Raises:
        CannotLook, Refused: of no client anything could be told.
    """
    told: list[tuple[Client, Told]] = []
    for client in calendar.clients:
        try:
            told.append((client, ask(client)))
        except CannotLook as error:
            if len(calendar.clients) == 1:
                raise
            bad = Verdict.BAD if isinstance(error, Refused) else Verdict.UNKNOWN
            told.append((client, Told(bad, error.says, error.remedy)))
    sick = [(client, one) for client, one in told if one.verdict]
    rows: list[Row] = [{"vendor": c.vendor, "verdict": one.verdict.name, "says": one.says} for c, one in sick]
    return Finding(
        verdict=max(one.verdict for _, one in told),
        says=" ".join(one.says for _, one in (sick or told)),
        value=float(len(sick)),
        unit="clients",
        rows=rows,
        remedy="\n".join(dict.fromkeys(one.remedy for _, one in sick if one.remedy)),
    )


def _said(knock: Knock) -> str:
    return f"{knock.status}: “{knock.says}”" if knock.says else str(knock.status)

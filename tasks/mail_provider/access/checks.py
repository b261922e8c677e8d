"""What we ask a mail provider about itself: does it answer, take our key and our domain, and let us send?"""

from __future__ import annotations

from datetime import UTC, datetime

from tasks.check import check
from tasks.mail_provider.system import REFUSED_KEY, MailProvider
from tasks.mail_provider.told import Allowance, Knock, Sending, Standing
from tasks.model import CannotLook, Earlier, Finding, Refused, Row, Threshold, Verdict
from tasks.postgres.words import count, limit, span
from tasks.rates import percent

TOO_MANY = 429

ALLOWANCE = Threshold(
    warn=0.8,
    bad=0.95,
    because="Owner: the team on call. Of the mails that may be sent until the limit is reset: at 80 % there is time to "
    "have it raised, at 95 % the next campaign does not fit in.",
)

REPUTATION = Threshold(
    warn=0.9,
    bad=0.75,
    because="Owner: the team on call. SendGrid begins everybody at 100 % and takes off for bounces and complaints; it "
    "publishes no limit. Below 75 % mails are late for reasons of their own.",
)

PAUSED = Threshold(
    warn=0,
    bad=3600,
    because="Owner: the team on call. In seconds: a pause that nobody ends is an outage of our own making. After an "
    "hour, as long as an incident of P1 waits, somebody is asked whether it is still meant.",
)


@check
def check_mail_provider_answers(mail_provider: MailProvider) -> Finding:
    """Does the mail provider's API answer?

    Whatever it says of our key or our pace is an answer, and judged by questions of its own. No answer, an error of its
    own (5xx), or a page that is none of the API's are none. Asked up to three times.
    """
    api = mail_provider.api()
    try:
        knock = api.knock()
    except CannotLook as error:
        if isinstance(error, Refused):
            raise
        return Finding(
            verdict=Verdict.BAD, says=f"No mail is taken: {error.says}", value=0.0, unit="s", remedy=error.remedy
        )
    sick = knock.status >= 500 or not knock.is_json or knock.status < 200
    said = _answered(api.name, knock)
    return Finding(
        verdict=Verdict.BAD if sick else Verdict.OK,
        says=f"{said}, which is none of its API's answers." if sick and knock.status < 500 else f"{said}.",
        value=knock.took_s,
        unit="s",
        facts={"status": knock.status, "asked": knock.line},
    )


@check
def check_mail_provider_key(mail_provider: MailProvider) -> Finding:
    """Does the mail provider take our key?

    A key that may only send is a good key, even where it is answered 401; nothing else can be asked with it. Trouble of
    the provider's own, and a limit, tell nothing about the key.
    """
    api = mail_provider.api()
    knock = api.knock()
    if knock.restricted:
        return Finding(
            verdict=Verdict.OK,
            says=f"{api.name} takes this key, and lets it do nothing but send.",
            value=1.0,
            facts={"status": knock.status, "restricted": True},
            remedy="Give us a key that may read; the application keeps its own.",
        )
    if knock.status in REFUSED_KEY:
        return Finding(
            verdict=Verdict.BAD,
            says=f"{api.name} does not take this key. {_answered('It', knock)}.",
            value=0.0,
            facts={"status": knock.status, "asked": knock.line},
            remedy=_KEY_REMEDY.get(mail_provider.vendor, "Look there whether it was revoked or lacks a right."),
        )
    if not (200 <= knock.status < 300 and knock.is_json):
        raise CannotLook(f"{_answered(api.name, knock)}: that says nothing about the key.")
    return Finding(verdict=Verdict.OK, says=f"{api.name} takes our key.", value=1.0, facts={"status": knock.status})


@check
def check_mail_provider_rate_limit(mail_provider: MailProvider, used: Threshold = ALLOWANCE) -> Finding:
    """Does the mail provider hold us back for sending or asking too much?

    429 is bad whatever the cause. Where the provider tells how many mails may still be sent, that share is judged;
    a limit of requests passes in seconds, and is only told.
    """
    api = mail_provider.api()
    knock = api.knock()
    if knock.status == TOO_MANY:
        wait = f" It wants to be asked again in {span(knock.asks_to_wait_s)}." if knock.asks_to_wait_s else ""
        return Finding(
            verdict=Verdict.BAD,
            says=f"{_answered(api.name, knock)}: too much was asked or sent.{wait}",
            value=1.0,
            unit="ratio",
            facts={"status": knock.status, "asks_to_wait_s": knock.asks_to_wait_s},
        )
    if not knock.is_json or knock.status >= 500:
        raise CannotLook(f"{_answered(api.name, knock)}: that says nothing about our pace.")
    told = api.allowances()
    mails = [one for one in told if one.of_mails]
    worst = max(mails, key=lambda one: one.used, default=None)
    said = _left(worst) if worst else "how many mails are left it does not tell"
    return Finding(
        verdict=used.judge(worst.used) if worst else Verdict.OK,
        says=f"{api.name} does not hold us back; {said}" + (f" (bad from {percent(used.bad)} used)." if worst else "."),
        value=worst.used if worst else 0.0,
        unit="ratio",
        facts={one.what: one.left for one in told},
        rows=[{"what": one.what, "limit": one.limit, "left": one.left, "resets_in_s": one.resets_in_s} for one in told],
    )


@check
def check_mail_provider_domain(mail_provider: MailProvider) -> Finding:
    """Is our domain verified at the mail provider, and does it find the records it expects?

    By the provider's own last look, which may be hours old; name servers are not asked here. The rows are what it wants
    to be published.
    """
    domain = mail_provider.api().domain()
    missing = [record for record in domain.records if record.found is False]
    rows: list[Row] = [{"name": one.name, "type": one.type, "value": one.value, "found": one.found} for one in missing]
    well = domain.verified and not domain.disabled
    verdict = max(Verdict.OK if well else Verdict.BAD, Verdict.WARN if missing else Verdict.OK)
    state = f"disabled there: {domain.disabled}" if domain.disabled else f"{domain.state} there"
    verified = "verified" if domain.verified else "not verified"
    records = (
        f"{count(len(missing), 'record')} of {len(domain.records)} not found as expected: "
        + ", ".join(f"{one.type} {one.name}" for one in missing[:3])
        if missing
        else f"none of its {len(domain.records)} records is missed"
    )
    return Finding(
        verdict=verdict,
        says=f"{domain.name} is {verified} at {mail_provider.said} ({state}); {records}.",
        value=float(len(missing)),
        unit="records",
        facts={"verified": domain.verified, "state": domain.state},
        rows=rows,
    )


@check
def check_mail_provider_queue(mail_provider: MailProvider) -> Finding:
    """Does the mail provider's own queue take mails?

    Only Mailgun tells, and only whether it is open: none of the four counts what waits there.
    """
    queue = mail_provider.api().queue()
    return Finding(
        verdict=Verdict.BAD if queue.closed else Verdict.OK,
        says=f"{mail_provider.said} takes nothing more into its queue: {queue.closed}."
        if queue.closed
        else f"{mail_provider.said}'s queue is open; it does not tell how many mails wait.",
        value=1.0 if queue.closed else 0.0,
    )


@check
def check_mail_provider_standing(
    mail_provider: MailProvider,
    paused: Threshold = PAUSED,
    reputation: Threshold = REPUTATION,
    earlier: Earlier | None = None,
) -> Finding:
    """Does the mail provider let us send, and how does it think of us?

    Stopped by the provider is bad; under review, and paused by ourselves, are warnings. A pause that was seen an hour
    ago already is bad: nothing goes out as long as nobody ends it.
    """
    now_s = datetime.now(UTC).timestamp()
    api = mail_provider.api()
    standing = api.standing()
    since_s = _paused_since(standing, earlier, now_s)
    verdict = _STANDING[standing.sending]
    if since_s is not None:
        verdict = max(paused.judge(now_s - since_s), Verdict.WARN)
    thinks = ""
    if standing.reputation is not None:
        verdict = max(verdict, reputation.judge(standing.reputation))
        thinks = f" Reputation: {percent(standing.reputation)} (bad up to {percent(reputation.bad)})."
    return Finding(
        verdict=verdict,
        says=f"{_sending(standing, since_s, now_s, paused)} at {api.name}: {standing.says}.{thinks}",
        value=standing.reputation,
        unit="ratio" if standing.reputation is not None else "",
        facts={"sending": str(standing.sending), "paused_since": since_s},
    )


_KEY_REMEDY = {
    "mailgun": "Look there under API keys. A key of the other region, or one for sending only, is refused as well.",
    "sendgrid": "Look there under Settings, API Keys. Without credits a good key is refused as well.",
    "resend": "Look there under API Keys.",
    "ses": "Look in IAM whether the key is active and may ses:GetAccount, and whether this machine's clock is right.",
}


_STANDING = {
    Sending.OPEN: Verdict.OK,
    Sending.PAUSED: Verdict.WARN,
    Sending.REVIEWED: Verdict.WARN,
    Sending.STOPPED: Verdict.BAD,
}


def _paused_since(standing: Standing, earlier: Earlier | None, now_s: float) -> float | None:
    """When the pause was first seen, in Unix time; None where there is none."""
    if standing.sending is not Sending.PAUSED:
        return None
    before = earlier.facts.get("paused_since") if earlier else None
    return float(before) if isinstance(before, int | float) and before <= now_s else now_s


def _sending(standing: Standing, since_s: float | None, now_s: float, paused: Threshold) -> str:
    if standing.sending is Sending.OPEN:
        return "We may send"
    if since_s is None:
        return "We are under review" if standing.sending is Sending.REVIEWED else "We may not send"
    return f"Sending is paused, for {span(now_s - since_s)} at least (bad from {limit(paused.bad)})"


def _answered(who: str, knock: Knock) -> str:
    return f"{who} answers {knock.status}" + (f": “{knock.says}”" if knock.says else "") + f" to {knock.line}"


def _left(allowance: Allowance) -> str:
    return f"{allowance.left:,.0f} of {allowance.limit:,.0f} {allowance.what} are left"

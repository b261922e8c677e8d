"""What we ask a mail server: every stage that a mail goes through when it is handed in, and whether it arrives."""

from __future__ import annotations

from datetime import UTC, datetime

from tasks.amounts import stretch
from tasks.certificate_shown import CERTIFICATE_LEFT, scaled
from tasks.check import check
from tasks.model import Finding, Threshold, Verdict
from tasks.smtp.stages import Stage, Visit
from tasks.smtp.system import SmtpServer

# Of the whole way to an open door: what takes longer is felt by whoever waits for the mail to be handed in.
GREETING = Threshold(
    warn=3,
    bad=8,
    because="Owner: the team on call. In seconds, for connection, greeting and EHLO. An application that hands mail in "
    "during a request gives up after ten; greeting late on purpose is for port 25, not for submission.",
)


@check
def check_smtp_connect(smtp: SmtpServer, took: Threshold = GREETING) -> Finding:
    """Does the mail server answer, and greet us as one?

    Name, connection, greeting and EHLO. With TLS from the first byte the greeting comes after the handshake, which is a
    question of its own.
    """
    seen = smtp.visit(Stage.HELLO)
    if found := stopped(seen, Stage.CONNECT, Stage.BANNER, Stage.HELLO):
        return found
    said = seen.step(Stage.BANNER)
    return Finding(
        verdict=took.judge(seen.took_s),
        says=f"{smtp.address} {said.says if said else 'answers'} after {seen.took_s:.2f} s (bad from {took.bad:g} s).",
        value=seen.took_s,
        unit="s",
        facts=facts_of(seen),
    )


@check
def check_smtp_tls(smtp: SmtpServer) -> Finding:
    """Is the connection to the mail server secured before anything is said that matters?"""
    if smtp.security == "none":
        says = f'{smtp.address} is spoken to without TLS, as configured (security = "none").'
        return Finding(verdict=Verdict.OK, says=says)
    seen = smtp.visit(Stage.TLS)
    if found := stopped(seen, Stage.TLS):
        return found
    step = seen.step(Stage.TLS)
    way = "after STARTTLS" if smtp.security == "starttls" else "from the first byte"
    return Finding(
        verdict=Verdict.OK,
        says=f"{smtp.address} {step.says if step else 'speaks TLS'} {way}.",
        facts=facts_of(seen),
    )


@check
def check_smtp_certificate(smtp: SmtpServer, left: Threshold = CERTIFICATE_LEFT) -> Finding:
    """Is the mail server's certificate the right one, whole, and valid for long enough?

    What is really shown. Of a certificate that lives less than 90 days, what must be left is less in proportion. A
    password is sent to nobody whose certificate is not believed.
    """
    if smtp.security == "none":
        return Finding(verdict=Verdict.OK, says=f"{smtp.address} is spoken to without TLS: there is no certificate.")
    seen = smtp.visit(Stage.CERTIFICATE)
    if found := stopped(seen, Stage.CERTIFICATE):
        return found
    shown = seen.certificate
    if shown is None:
        return Finding.unknown(f"The certificate of {smtp.address} was not seen.")
    left_s, limit = shown.left_s(datetime.now(UTC)), scaled(left, shown.lifetime_s)
    return Finding(
        verdict=limit.judge(left_s),
        says=f"The certificate of {smtp.address} is good for another {stretch(left_s)} of {stretch(shown.lifetime_s)} "
        f"(bad from {stretch(limit.bad)} down).",
        value=left_s,
        unit="s",
        facts={"issuer": shown.issuer, "names": list(shown.names), "ends": f"{shown.ends:%Y-%m-%d %H:%M} UTC"},
    )


@check
def check_smtp_login(smtp: SmtpServer) -> Finding:
    """Does the mail server accept our name and password?

    One attempt for all questions that need it: servers lock accounts after a few wrong ones.
    """
    if smtp.username is None:
        return Finding(verdict=Verdict.OK, says=f"No login is configured for {smtp.address}.")
    seen = smtp.visit(Stage.LOGIN)
    if found := stopped(seen, Stage.LOGIN):
        return found
    return Finding(verdict=Verdict.OK, says=f"{smtp.address} lets us in as {smtp.username}.", facts=facts_of(seen))


@check
def check_smtp_sender_accepted(smtp: SmtpServer) -> Finding:
    """Does the mail server take mail from our sender, to our test mailbox?

    MAIL and RCPT only, then taken back: nothing is sent. A server may still refuse the content.
    """
    seen = smtp.visit(Stage.SENDER)
    if found := stopped(seen, Stage.SENDER):
        return found
    step = seen.step(Stage.SENDER)
    says = f"{smtp.address} {step.says if step else 'takes our mail'}."
    return Finding(verdict=Verdict.OK, says=says, facts=facts_of(seen))


def stopped(seen: Visit, *stages: Stage) -> Finding | None:
    """The answer where it went no further: in one of `stages`, or before them."""
    step = seen.stopped
    if step is None:
        return None
    if step.stage not in stages:
        first = step.says[:1].lower() + step.says[1:] if step.says.startswith(("The ", "No ")) else step.says
        return Finding.unknown(f"It was not got as far as that: {first}", remedy=step.remedy)
    return Finding(verdict=step.verdict, says=step.says, remedy=step.remedy, facts=facts_of(seen))


def facts_of(seen: Visit) -> dict[str, float | str]:
    """Each stage with its time in seconds; the last one with what stopped it."""
    return {step.stage.value: round(step.took_s, 4) if step.verdict is Verdict.OK else step.says for step in seen.steps}

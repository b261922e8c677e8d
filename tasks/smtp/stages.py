"""A visit to a mail server, stage by stage: each with its verdict, the server's words, and what to set if it fails."""

from __future__ import annotations

import enum
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import SecretStr

from tasks.certificate_shown import EXPIRED, Served, believing, read, shown_on
from tasks.excerpt import excerpt
from tasks.mail.attempts import Attempts
from tasks.mail.line import HungUp, Line, NoLine
from tasks.mail.server import MailServer
from tasks.model import CannotLook, Verdict
from tasks.smtp import remedies
from tasks.smtp.talk import LOGIN, PLAIN, Reply, Talk


class Stage(enum.Enum):
    """How far one gets. A server with TLS from the first byte is secured before it greets."""

    CONNECT = "connect"
    BANNER = "banner"
    HELLO = "EHLO"
    TLS = "TLS"
    CERTIFICATE = "certificate"
    LOGIN = "AUTH"
    SENDER = "MAIL and RCPT"
    MESSAGE = "DATA"


ORDERS = {
    "starttls": tuple(Stage),
    "implicit": (Stage.CONNECT, Stage.TLS, Stage.CERTIFICATE, Stage.BANNER, Stage.HELLO, *tuple(Stage)[5:]),
    "none": tuple(stage for stage in Stage if stage not in (Stage.TLS, Stage.CERTIFICATE)),
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """What became of one stage: OK, or why it went no further. `took_s` is in seconds."""

    stage: Stage
    says: str
    verdict: Verdict = Verdict.OK
    remedy: str = ""
    took_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Visit:
    """The stages in their order, to the last one wanted or the one that failed."""

    steps: tuple[Step, ...]
    certificate: Served | None = None
    # The certificate is not believed because it has expired.
    expired: bool = False
    took_s: float = 0.0

    @property
    def stopped(self) -> Step | None:
        """Where it went no further."""
        return next((step for step in self.steps if step.verdict is not Verdict.OK), None)

    def step(self, stage: Stage) -> Step | None:
        return next((step for step in self.steps if step.stage is stage), None)


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who comes to `server`, and with what. `until` is of time.monotonic()."""

    server: MailServer
    trusted: ssl.SSLContext
    until: float
    helo: str | None = None
    login: tuple[str, SecretStr] | None = None
    sender: str | None = None
    recipient: str | None = None
    message: bytes | None = None


# What was refused lately, for all visits of this process.
_attempts: Attempts[Step] = Attempts()


def visit(visitor: Visitor, last: Stage) -> Visit:
    """Go to `last`, or as far as it goes, and take leave."""
    walk = _Walk(visitor)
    try:
        return walk.go(last)
    finally:
        walk.leave()


# Where in the conversation, for the middle of a sentence.
_AT = {
    Stage.CONNECT: "",
    Stage.BANNER: " with a greeting",
    Stage.HELLO: " to our EHLO",
    Stage.TLS: " while TLS was begun",
    Stage.CERTIFICATE: " while its certificate was looked at",
    Stage.LOGIN: " to our login",
    Stage.SENDER: " to sender and recipient",
    Stage.MESSAGE: " to the message",
}


class _Stops(Exception):
    """A stage failed."""

    def __init__(self, says: str, remedy: str = "", verdict: Verdict = Verdict.BAD) -> None:
        super().__init__(says)
        self.says, self.remedy, self.verdict = says, remedy, verdict


@dataclass
class _Walk:
    """The connection, and what was seen on the way."""

    visitor: Visitor
    talk: Talk | None = None
    certificate: Served | None = None
    unbelieved: ssl.SSLCertVerificationError | None = None
    steps: list[Step] = field(default_factory=list)

    def go(self, last: Stage) -> Visit:
        begun = time.monotonic()
        order = ORDERS[self.visitor.server.security]
        for stage in order[: order.index(last) + 1] if last in order else order[: order.index(Stage.HELLO) + 1]:
            step = self._step(stage)
            self.steps.append(step)
            if step.verdict is not Verdict.OK:
                break
        expired = self.unbelieved is not None and self.unbelieved.verify_code == EXPIRED
        took_s = time.monotonic() - begun
        return Visit(steps=tuple(self.steps), certificate=self.certificate, expired=expired, took_s=took_s)

    def leave(self) -> None:
        if self.talk is not None:
            self.talk.leave()

    def _step(self, stage: Stage) -> Step:
        acts: dict[Stage, Callable[[], str]] = {
            Stage.CONNECT: self._connect,
            Stage.BANNER: self._banner,
            Stage.HELLO: self._hello,
            Stage.TLS: self._secure,
            Stage.CERTIFICATE: self._believe,
            Stage.LOGIN: self._log_in,
            Stage.SENDER: self._envelope,
            Stage.MESSAGE: self._hand_in,
        }
        begun = time.monotonic()
        try:
            says, verdict, remedy = acts[stage](), Verdict.OK, ""
        except _Stops as stop:
            says, verdict, remedy = stop.says, stop.verdict, stop.remedy
        except (OSError, UnicodeError, NoLine) as error:
            says, verdict = self._broken(stage, error), Verdict.BAD
            remedy = remedies.broken(self.visitor.server, stage.value)
        return Step(stage=stage, says=says, verdict=verdict, remedy=remedy, took_s=time.monotonic() - begun)

    def _connect(self) -> str:
        server = self.visitor.server
        try:
            self.talk = Talk(Line.to(server.host, server.port, self.visitor.until))
        except socket.gaierror as error:
            raise _Stops(
                f"{server.host} has no address: {error.strerror or error}.", remedies.no_address(server)
            ) from None
        return f"{server.address} takes the connection"

    def _banner(self) -> str:
        reply = self._here.reply()
        if reply.code != 220:
            raise _Stops(f"{self._where} greets with {reply.said}.", remedies.greeting(self.visitor.server, reply))
        return f"greets with {reply.said}"

    def _hello(self) -> str:
        reply = self._here.hello(self.visitor.helo)
        if not reply.is_good:
            raise _Stops(f"{self._where} answers our EHLO with {reply.said}.", remedies.HELO)
        return f"offers {', '.join(sorted(self._here.offers)[:20]) or 'nothing'}"

    def _secure(self) -> str:
        server = self.visitor.server
        if server.security == "starttls":
            self._begin_tls(self._here)
        try:
            self._here.secure(self.visitor.trusted, server.host)
        except ssl.SSLCertVerificationError as error:
            # TLS itself came about; what is wrong is the next stage's to say.
            self.unbelieved = error
            return "speaks TLS"
        if server.security == "starttls":
            # What was offered before may have been put there by somebody between.
            self._hello()
        line = self._here.line.secured
        return f"speaks {line.version() if line else 'TLS'}"

    def _begin_tls(self, talk: Talk) -> None:
        if "STARTTLS" not in talk.offers:
            offered = ", ".join(sorted(talk.offers)[:20]) or "nothing"
            raise _Stops(
                f"{self._where} does not offer STARTTLS: it offers {excerpt(offered, 200)}.",
                remedies.no_starttls(self.visitor.server),
            )
        reply = talk.say("STARTTLS")
        if reply.code != 220:
            verdict = Verdict.UNKNOWN if reply.may_pass else Verdict.BAD
            raise _Stops(f"{self._where} answers STARTTLS with {reply.said}.", remedies.STARTTLS_REFUSED, verdict)

    def _believe(self) -> str:
        line = self._here.line.secured
        try:
            if self.unbelieved is None and line is not None:
                self.certificate = read(*shown_on(line))
                return "shows a certificate that is believed"
            self.certificate = self._seen_anyway()
        except CannotLook as error:
            raise _Stops(f"{self._where}: {error.says}", error.remedy, Verdict.UNKNOWN) from None
        raise _Stops(
            f"The certificate of {self._where} is not believed: {self.certificate.wrong}.",
            remedies.certificate(self.visitor.server, self.certificate),
        )

    def _seen_anyway(self) -> Served:
        """On a second connection, which is closed before anything else is said."""
        server = self.visitor.server
        talk = Talk(Line.to(server.host, server.port, self.visitor.until))
        try:
            if server.security == "starttls":
                talk.reply()
                talk.hello(self.visitor.helo)
                talk.say("STARTTLS")
            own, chain = shown_on(talk.line.secure(believing(), server.host))
        finally:
            talk.line.close()
        return read(own, chain, error=self.unbelieved, host=server.host)

    def _log_in(self) -> str:
        if self.visitor.login is None:
            return "is asked without a login: none is configured"
        username, password = self.visitor.login
        mechanism = next((one for one in (PLAIN, LOGIN) if one in self._here.mechanisms), None)
        if mechanism is None:
            offered = excerpt(" ".join(self._here.mechanisms), 100)
            told = f"AUTH {offered}" if offered else "no AUTH"
            raise _Stops(
                f"{self._where} takes no login with a password: it offers {told}.",
                remedies.no_login(self.visitor.server, offered),
            )
        server, until = self.visitor.server, self.visitor.until
        step = _attempts.once(
            f"{username} {server.address}",
            password,
            lambda: self._refusal(mechanism, username, password),
            until=until,
            written=server.written,
        )
        if step is not None:
            raise _Stops(step.says, step.remedy, step.verdict)
        return f"lets us in as {username}"

    def _refusal(self, mechanism: str, username: str, password: SecretStr) -> Step | None:
        """What the server has against it, which the same password would hear again; None if it lets us in.

        Raises:
            _Stops: it says that this may pass.
        """
        reply = self._here.log_in(mechanism, username, password)
        if reply.code == 235:
            return None
        if reply.may_pass:
            raise _Stops(
                f"{self._where} did not judge the login of {username}: {reply.said}. Later it may.",
                remedies.LATER,
                Verdict.UNKNOWN,
            )
        return Step(
            stage=Stage.LOGIN,
            says=f"{self._where} refuses the login of {username}: {reply.said}.",
            verdict=Verdict.BAD,
            remedy=remedies.login(self.visitor.server, reply),
        )

    def _envelope(self) -> str:
        sender, recipient = self.visitor.sender, self.visitor.recipient
        if sender is None:
            raise _Stops("No sender is configured.", 'sender = "app@example.com"', Verdict.UNKNOWN)
        self._taken(self._here.say(f"MAIL FROM:<{sender}>"), f"the sender {sender}", remedies.SENDER)
        if recipient is None:
            return f"takes mail from {sender}"
        self._taken(self._here.say(f"RCPT TO:<{recipient}>"), f"the recipient {recipient}", remedies.RECIPIENT)
        if self.visitor.message is None:
            self._here.say("RSET")
        return f"takes mail from {sender} to {recipient}"

    def _hand_in(self) -> str:
        if self.visitor.message is None or self.visitor.recipient is None:
            raise _Stops("There is no test message to hand in.", "", Verdict.UNKNOWN)
        reply = self._here.hand_in(self.visitor.message)
        self._taken(reply, "the test message", remedies.MESSAGE)
        return f"takes the test message: {reply.said}"

    def _taken(self, reply: Reply, what: str, remedy: str) -> None:
        if reply.is_good:
            return
        if reply.may_pass:
            raise _Stops(f"{self._where} takes {what} later: {reply.said}.", remedies.LATER, Verdict.WARN)
        raise _Stops(f"{self._where} refuses {what}: {reply.said}.", remedy)

    def _broken(self, stage: Stage, error: Exception) -> str:
        """What cut the visit short, in our words."""
        where, at = self._where, _AT[stage]
        if isinstance(error, NoLine):
            return f"{where} does not speak SMTP: instead of an answer{at} came {error}."
        if isinstance(error, TimeoutError):
            return f"{where} did not answer{at} within {self.visitor.server.limit_s:g} s."
        if isinstance(error, HungUp):
            return f"{where} ended the connection instead of an answer{at}."
        if isinstance(error, ssl.SSLError):
            return f"No secure connection to {where} comes about: {error.reason or error}."
        told = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return f"{where} cannot be reached: {told}."

    @property
    def _here(self) -> Talk:
        if self.talk is None:
            raise HungUp("there is no connection")
        return self.talk

    @property
    def _where(self) -> str:
        return self.visitor.server.address

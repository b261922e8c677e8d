"""The mail server takes no mail from us: wrong host, port, password or sender, no TLS, an expired certificate."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.smtp.actions import RestartMailServer, ShowRenewedCertificate, UseSpareSmtpPassword
from tasks.smtp.arrival import check_smtp_test_message
from tasks.smtp.checks import (
    check_smtp_certificate,
    check_smtp_connect,
    check_smtp_login,
    check_smtp_sender_accepted,
    check_smtp_tls,
)
from tasks.smtp.faults import RefuseSmtpPassword, ShowExpiredCertificate, StopMailServer

runbook = Runbook(
    title="The mail server takes no mail from us",
    problem=(
        "The application hands its mail in by SMTP and gets an error: it cannot connect, the connection is not "
        "secured, the certificate is not believed, the login is refused, or the sender. Nothing is sent until that is "
        "set right; the mails wait or fail meanwhile."
    ),
    severity=Severity.P1,
    keywords=(
        "smtp",
        "smtp configuration",
        "mail server",
        "email",
        "535",
        "authentication failed",
        "authentication credentials invalid",
        "username and password not accepted",
        "app password",
        "starttls",
        "tls",
        "certificate has expired",
        "connection refused",
        "connection timed out",
        "port 25",
        "port 587",
        "port 465",
        "relay access denied",
        "sender address rejected",
    ),
    symptoms=(
        Symptom(alert="SmtpConnectionFailed"),
        Symptom(alert="SmtpAuthenticationFailed"),
        Symptom(heard="The application logs '535 Authentication failed' since somebody changed a password."),
        Symptom(heard="The application logs 'Connection refused', 'timed out' or 'certificate has expired' for mail."),
        Symptom(heard="Password resets do not arrive, and the queue of mails grows."),
    ),
    # In the order of a visit: what fails first is what to set first; what comes after it cannot be asked.
    diagnosis=(
        check_smtp_connect,
        check_smtp_tls,
        check_smtp_certificate,
        check_smtp_login,
        check_smtp_sender_accepted,
        check_smtp_test_message,
    ),
    resolution=(
        Step(RestartMailServer(), when=check_smtp_connect),
        Step(ShowRenewedCertificate(), when=check_smtp_certificate),
        Step(UseSpareSmtpPassword(), when=check_smtp_login),
        Manual(
            "Set host and port",
            when=check_smtp_connect,
            how="""\
The finding names what answered, and what to set. From the machine that sends:

    nc -vz <host> 587
    openssl s_client -connect <host>:587 -starttls smtp -servername <host> </dev/null

587 begins without TLS (security = "starttls"), 465 with it (security = "implicit"); 25 is for mail between servers, and
most clouds let nobody out by it. “Connection refused”: a wrong port, or the server is down. Silence: a firewall, or a
server that waits for TLS. Some providers have a host for each region, and know an account in its own region only.""",
        ),
        Manual(
            "Set the kind of security",
            when=check_smtp_tls,
            how="""\
WRONG_VERSION_NUMBER: the port begins without TLS, so security = "starttls". No STARTTLS offered: another port, or a
server whose certificate cannot be read (its log says so). Never switch TLS off to get on: the password would pass in
clear, and with it everybody may send in your name.""",
        ),
        Manual(
            "Renew the certificate",
            when=check_smtp_certificate,
            how="""\
Of a server of your own: renew it and reload the server; a renewal without a reload changes nothing that is shown.

    certbot renew --deploy-hook 'systemctl reload postfix dovecot'
    openssl s_client -connect <host>:587 -starttls smtp </dev/null | openssl x509 -noout -enddate

If it is for another name, set `host` to a name in it. Of a provider's: look at its status page; it is not yours to
mend, and not to be believed unchecked.""",
        ),
        Manual(
            "Set name and password",
            when=check_smtp_login,
            how="""\
The finding quotes the server. 535: name or password; many providers have a name of their own for SMTP (apikey, a user
of the domain), and want a password made for applications where the account has a second factor (534 5.7.9). Make a new
one there, put it where the application and `smtp` read it, restart what reads it only when it starts, then revoke the
old one. Do not try around: a few wrong ones lock the account or ban your address.""",
        ),
        Manual(
            "Let the sender in",
            when=check_smtp_sender_accepted,
            how="""\
550 or 553 on MAIL: this account may not write from that address. Verify the address or its domain with the provider, or
set `sender`. 550 or 554 on RCPT, “relay access denied”: the server wants a login first, or sends nothing to the outside
for this account. 4xx: it says “later”; greylisting passes by itself, a quota does not.""",
        ),
        Manual(
            "Find the message that did not arrive",
            when=check_smtp_test_message,
            how="""\
It was taken, and lies elsewhere. Look into the spam folder of the test mailbox first, then into the provider's log for
its Message-ID (in the finding): queued, deferred, bounced or dropped (a suppression list drops without a word). If it
was delivered as spam, the domain's SPF, DKIM and DMARC are next.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(
        Watch(check_smtp_connect, every=timedelta(minutes=5)),
        Watch(check_smtp_certificate, every=timedelta(hours=6)),
        # Every look is a login: seldom enough that a wrong password locks no account.
        Watch(check_smtp_login, every=timedelta(minutes=15)),
        # Every look is a mail.
        Watch(check_smtp_test_message, every=timedelta(hours=1)),
    ),
    related=("maintenance/certificates",),
    drills=(
        Drill(fault=RefuseSmtpPassword(), noticed_by=check_smtp_login, resolved_by=UseSpareSmtpPassword),
        Drill(fault=StopMailServer(), noticed_by=check_smtp_connect, resolved_by=RestartMailServer),
        Drill(fault=ShowExpiredCertificate(), noticed_by=check_smtp_certificate, resolved_by=ShowRenewedCertificate),
    ),
)

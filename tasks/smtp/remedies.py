"""For each stage that fails: exactly what to set, or to ask whom."""

from __future__ import annotations

from tasks.certificate_shown import Served
from tasks.mail.server import MailServer
from tasks.smtp.talk import Reply

# RFC 8314 and RFC 6409: submission with TLS from the first byte, and with STARTTLS. 2525 is a custom of providers.
IMPLICIT_PORT, SUBMISSION_PORT, RELAY_PORT = 465, 587, 25

HELO = 'helo = "app.example.com"  # a name of this machine\'s that leads to its address'
STARTTLS_REFUSED = "Its certificate or key may be missing: look at the mail server's log."
LATER = "Look again in a few minutes. If it says so each time, its words above are what to ask your provider about."
SENDER = 'sender = "…"  # an address that this account may write from: verify it, or its domain, with your provider'
RECIPIENT = 'recipient = "…"  # a mailbox that exists, and to which this account may send'
MESSAGE = "Its words say why: size, content, quota or reputation. The same happens to the mail of your application."

# Enhanced codes that mean one thing: RFC 4954 §6, RFC 5248, and one that Microsoft documents.
_LOGIN = {
    "5.7.8": "The name or the password is wrong.",
    "5.7.9": "It wants a password made for applications: make one in the account's settings.",
    "5.7.11": "It wants encryption first.",
    "5.7.139": "The account's administrator has switched SMTP logins off: allow SMTP AUTH for this mailbox.",
}


def no_address(server: MailServer) -> str:
    return f'host = "…"  # {server.host} is not known; ask for it: dig {server.host}'


def broken(server: MailServer, stage: str) -> str:
    """For a server that is silent, refuses or ends a connection, or speaks something else."""
    if server.security == "starttls" and server.port == IMPLICIT_PORT:
        return f'security = "implicit"  # port {IMPLICIT_PORT} speaks TLS from the first byte'
    if server.security == "implicit" and server.port in (SUBMISSION_PORT, RELAY_PORT, 2525):
        return f'security = "starttls"  # port {server.port} begins without TLS'
    if server.port == RELAY_PORT:
        return f"port = {SUBMISSION_PORT}  # many networks let nobody out by port {RELAY_PORT}"
    if server.security == "starttls" and stage == "banner":
        return f'security = "implicit", port = {IMPLICIT_PORT}  # a server that says nothing may wait for TLS'
    if stage == "TLS":
        return f'security = "…", port = …  # "starttls" is port {SUBMISSION_PORT}, "implicit" is port {IMPLICIT_PORT}'
    return (
        f"Set `host` and `port` as your provider names them (starttls: {SUBMISSION_PORT}, implicit: {IMPLICIT_PORT}). "
        f"If they are right, the server is down or a firewall is between: nc -vz {server.host} {server.port}"
    )


def greeting(server: MailServer, reply: Reply) -> str:
    if reply.may_pass:
        return LATER
    return f"{server.address} takes no mail from here: set `host` to your provider's server for submission."


def no_starttls(server: MailServer) -> str:
    if server.port == IMPLICIT_PORT:
        return broken(server, "TLS")
    return f"port = {SUBMISSION_PORT}  # or ask who runs {server.host} for TLS; without it nothing is secret"


def certificate(server: MailServer, shown: Served) -> str:
    if "it is for" in shown.wrong and shown.names:
        return f'host = "{shown.names[0]}"  # if that is your server: a certificate counts for the names in it only'
    if "trusted" in shown.wrong or "itself" in shown.wrong:
        return 'ca_file = "…"  # if the authority is your own'
    if "expired" in shown.wrong:
        return f"Who runs {server.host} renews it, then reloads the server: what is renewed on disk only is not shown."
    return f"openssl s_client -connect {server.address} -starttls smtp -servername {server.host} -showcerts </dev/null"


def no_login(server: MailServer, offered: str) -> str:
    if offered:
        return "It wants another kind of login (OAuth, Kerberos): make a password for applications, or use an API."
    if server.security == "none":
        return 'security = "starttls"  # many servers offer a login only then'
    return f"Leave `username` and the password out, or use the port for submission: {SUBMISSION_PORT}."


def login(server: MailServer, reply: Reply) -> str:
    """Where the name and the password are set, and what the code says of them."""
    means = _LOGIN.get(reply.detail, "")
    if reply.detail == "5.7.11" or reply.code in (530, 538):
        return f'{means} Set security = "starttls".'.strip()
    return f"{means} Set `username` and `{server.password_key}` as the provider shows them.".strip()

"""Every week: certificates that end soon, renewed by the team's own command, and believed only if they end later."""

from datetime import time, timedelta

from runbooks.model import Manual, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.certificates.actions import RenewCertificates
from tasks.certificates.checks import check_certificate_files
from tasks.model import Risk

maintenance = Maintenance(
    title="Renew certificates that end soon",
    purpose=(
        "Reads when the certificates on the worker's machine end, and runs the team's renewal where that is soon. A "
        "dry run saves nothing, and exit code 0 says nothing where there was nothing to renew: what counts is that the "
        "file ends later than before."
    ),
    keywords=("certificate", "tls", "ssl", "certbot", "let's encrypt", "renew", "expire", "https"),
    # In the morning of a working day: who can mend a failing renewal is there.
    window=Window(start=time(9, 0), length=timedelta(hours=2), days=(Day.MONDAY, Day.THURSDAY)),
    unattended=Risk.LOW,
    diagnosis=(check_certificate_files,),
    steps=(
        Step(RenewCertificates(), when=check_certificate_files),
        Manual(
            "See that the new certificate is served",
            when=check_certificate_files,
            how="""\
A server reads its certificate when it is reloaded, which is for a deploy hook of the renewal:

    openssl s_client -connect <name>:443 -servername <name> </dev/null | openssl x509 -noout -enddate

Where the date is the old one: reload the server, and write the hook (certbot renew --deploy-hook '…').""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=10)),
)

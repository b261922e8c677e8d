"""What we ask about the certificates that lie on this machine."""

from __future__ import annotations

from datetime import UTC, datetime

from tasks.amounts import stretch
from tasks.certificates.system import Certificate, Certificates
from tasks.check import check
from tasks.model import Finding, Row, Threshold
from tasks.postgres.words import count

DAY_S = 86400.0

CERTIFICATE_LEFT = Threshold(
    warn=25 * DAY_S,
    bad=10 * DAY_S,
    because="Owner: whoever runs the web server. Certbot renews a certificate of 90 days when 30 are left, twice a "
    "day: at 25 it has failed ten times, and at ten browsers turn customers away next week.",
)


@check
def check_certificate_files(certificates: Certificates, left: Threshold = CERTIFICATE_LEFT) -> Finding:
    """Do the certificates on this machine last for some time yet?

    Asked are the files. What a server serves may be older, until it is reloaded: that is asked of the website.
    """
    found = certificates.there()

    now = datetime.now(UTC)
    first, least_s = found[0], (found[0].ends - now).total_seconds()
    told = f"ends in {stretch(least_s)}" if least_s > 0 else f"ended {stretch(-least_s)} ago"
    return Finding(
        verdict=left.judge(least_s),
        says=f"Of {count(len(found), 'certificate')} {first.file} {told}, {first.ends:%Y-%m-%d} (bad below "
        f"{stretch(left.bad)}).",
        value=least_s,
        unit="s",
        rows=[shown(one) for one in found if left.judge((one.ends - now).total_seconds())],
    )


def shown(one: Certificate) -> Row:
    """One of them, as a row of evidence."""
    return {"file": one.file, "names": list(one.names), "ends": one.ends.isoformat()}

"""What we ask about secrets in repositories."""

from __future__ import annotations

from tasks.check import check
from tasks.excerpt import excerpt
from tasks.exposed.system import ExposedSecrets
from tasks.model import Finding, Row, Threshold, Verdict

SHOWN = 20
IN_REPOSITORIES = Threshold(
    warn=0.5,
    bad=1,
    because="Owner: whoever is responsible for security. A secret that was ever committed is known: whoever has a copy "
    "of the repository has it, after it was taken out, too.",
)


@check
def check_exposed_secrets(exposed_secrets: ExposedSecrets, exposed: Threshold = IN_REPOSITORIES) -> Finding:
    """Does any secret stand in a repository?

    By the reports of your scanners. Told are file, line and kind, with a fingerprint of the place; the secret is
    neither shown nor kept, nor is a hash of it. A report that is old or broken is no good news: it is UNKNOWN.
    """
    read = exposed_secrets.read()

    found = [(one.report.of, secret) for one in read for secret in one.found]
    found.sort(key=lambda one: not one[1].verified)
    blind = [one for one in read if one.trouble]
    accepted = sum(one.accepted for one in read)
    works = sum(secret.verified for _, secret in found)
    rows: list[Row] = [{"of": of, **secret.row} for of, secret in found[:SHOWN]]
    told = f", {works:,} of which the scanner has tried and found to work" if works else ""
    says = (
        f"{len(found):,} secrets stand in {len({of for of, _ in found}):,} repositories{told}: rotate each, taking it "
        "out does not help."
        if found
        else f"No secret is known to stand in {len(read) - len(blind):,} repositories."
    )
    return Finding(
        verdict=max(exposed.judge(len(found)), Verdict.UNKNOWN if blind else Verdict.OK),
        says=" ".join(
            [
                says,
                *([f"{accepted:,} are accepted."] if accepted else []),
                *(f"{one.report.of}: {excerpt(one.trouble, 200)}" for one in blind[:3]),
            ]
        ),
        value=float(len(found)),
        facts={"works": works, "accepted": accepted, "not_read": len(blind)},
        rows=rows,
        remedy=next((one.remedy for one in blind if one.remedy), ""),
    )

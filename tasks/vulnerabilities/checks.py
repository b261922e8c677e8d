"""What we ask about known weaknesses."""

from __future__ import annotations

from tasks.check import check
from tasks.excerpt import excerpt
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.vulnerabilities.reading import Severity
from tasks.vulnerabilities.system import Vulnerabilities

SHOWN = 20
SERIOUS = Threshold(
    warn=1,
    bad=10,
    because="Owner: whoever is responsible for security. Serious weaknesses that a newer version has no more: one "
    "waits for the next deployment, ten have been waiting for long. A critical one is bad alone.",
)


@check
def check_vulnerabilities(vulnerabilities: Vulnerabilities, serious: Threshold = SERIOUS) -> Finding:
    """Is anything that we run known to be weak, and mended in a newer version?

    By the reports of your scanners. Judged is what is critical or high, or of no told severity, and has a version that
    mends it; the worst come first. A report that is old, broken, or looked at nothing is no good news: it is UNKNOWN.
    """
    read = vulnerabilities.read()

    seen = [one for one in read if one.told is not None]
    known = [(one.report.of, weakness) for one in seen for weakness in (one.told.weaknesses if one.told else ())]
    known.sort(key=lambda one: (-one[1].severity, not one[1].fix, one[1].package))
    counted = [one for _, one in known if one.severity >= Severity.UNKNOWN and one.fix]
    critical = sum(one.severity is Severity.CRITICAL for one in counted)
    skipped = sum(len(one.told.skipped) for one in seen if one.told)
    blind = [one for one in read if one.told is None]
    verdicts = [
        Verdict.BAD if critical else serious.judge(len(counted)),
        Verdict.UNKNOWN if blind else Verdict.OK,
        Verdict.WARN if skipped else Verdict.OK,
    ]
    rows: list[Row] = [{"of": of, **one.row} for of, one in known[:SHOWN]]
    return Finding(
        verdict=max(verdicts),
        says=" ".join(
            [
                _said(len(counted), critical, len(known), sum(one.told.looked_at for one in seen if one.told), serious),
                *([f"{skipped:,} packages were passed over by the scanner."] if skipped else []),
                *(f"{one.report.of}: {excerpt(one.trouble, 200)}" for one in blind[:3]),
            ]
        ),
        value=float(len(counted)),
        facts={"known": len(known), "critical": critical, "skipped": skipped, "not_read": len(blind)},
        rows=rows,
        remedy=next((one.remedy for one in blind if one.remedy), ""),
    )


def _said(counted: int, critical: int, known: int, looked_at: int, serious: Threshold) -> str:
    limit = f"bad from {serious.bad:g}, or one critical"
    if not known:
        return f"No weakness is known in {looked_at:,} packages ({limit})."
    return (
        f"{counted:,} serious weaknesses are mended in a newer version, {critical:,} of them critical ({limit}); "
        f"{known:,} are known in {looked_at:,} packages."
    )

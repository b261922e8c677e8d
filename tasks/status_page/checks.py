"""What we ask a provider's status page."""

from __future__ import annotations

from rapidfuzz import process

from tasks.check import check
from tasks.model import Finding, Refused, Verdict
from tasks.status_page.system import StatusPage, Summary

# In the provider's own words; anything else is a word we do not know, and never health.
COMPONENT = {
    "operational": Verdict.OK,
    "degraded_performance": Verdict.WARN,
    "under_maintenance": Verdict.WARN,
    "partial_outage": Verdict.BAD,
    "major_outage": Verdict.BAD,
}
PAGE = {
    "none": Verdict.OK,
    "minor": Verdict.WARN,
    "maintenance": Verdict.WARN,
    "major": Verdict.WARN,
    "critical": Verdict.WARN,
}


@check
def check_provider_status(status_page: StatusPage) -> Finding:
    """Does the provider report trouble with what we use?

    Judged are the components named in the configuration. Where none is named, the page as a whole is WARN at most:
    another region's outage is none of ours. A page says nothing for the first minutes of most outages.
    """
    return reported(status_page)


def reported(status_page: StatusPage) -> Finding:
    """What the page reports, judged.

    Raises:
        CannotLook, Refused: it cannot be read, or is no such page.
    """
    summary = status_page.summary()

    unknown = [name for name in status_page.components if name not in {one.name for one in summary.components}]
    if unknown:
        return _no_such(status_page, summary, unknown)
    watched = [one for one in summary.components if one.name in status_page.components]
    verdict = max(
        (COMPONENT.get(one.status, Verdict.UNKNOWN) for one in watched),
        default=PAGE.get(summary.indicator, Verdict.UNKNOWN),
    )

    sick = [one for one in watched if COMPONENT.get(one.status) is not Verdict.OK]
    said = (
        ", ".join(f"{one.name}: {one.status.replace('_', ' ')}" for one in sick or watched)
        or summary.description
        or summary.indicator
    )
    open_ones = "; ".join(f"“{one.name}” ({one.status}) {one.link}".strip() for one in summary.troubles)
    return Finding(
        verdict=verdict,
        says=f"{summary.provider} reports {said}." + (f" Open there: {open_ones}." if open_ones and verdict else ""),
        value=float(len(sick) if watched else len(summary.troubles)),
        facts={"indicator": summary.indicator, "updated": summary.updated, "open_incidents": len(summary.troubles)},
        rows=[{"component": one.name, "status": one.status} for one in sick],
    )


@check
def check_status_page_reads(status_page: StatusPage) -> Finding:
    """Does the provider's status page let itself be read, with the components that we name?

    What it says is another question (check_provider_status): here it is whether we would hear it.
    """
    try:
        summary = status_page.summary()
    except Refused as error:
        return Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
    unknown = [name for name in status_page.components if name not in {one.name for one in summary.components}]
    if unknown:
        told = _no_such(status_page, summary, unknown)
        return Finding(verdict=Verdict.BAD, says=told.says, remedy=told.remedy)
    return Finding(verdict=Verdict.OK, says=f"{status_page.url} tells the status of {summary.provider}.")


def _no_such(page: StatusPage, summary: Summary, unknown: list[str]) -> Finding:
    near = process.extractOne(unknown[0], [one.name for one in summary.components])
    return Finding.unknown(
        f"{page.url} has no component {unknown[0]!r}.",
        remedy=f"Did you mean {near[0]!r}?" if near else "The page names no components; leave `components` out.",
    )

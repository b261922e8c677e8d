"""What we ask our own intake of alerts: is it there, is it believed, is it heard of, and what can it open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tasks.check import check
from tasks.intake.system import AlertIntake, Refusal, Source, Standing
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict

DAY_S = timedelta(days=1).total_seconds()
REFUSED = Threshold(
    warn=1,
    bad=3,
    because="Monitoring tries again within minutes: three deliveries refused, and none taken since, is no slip. Ours.",
)
SILENT = Threshold(
    warn=30 * DAY_S,
    bad=90 * DAY_S,
    because="Monitoring may be silent for a month. After a quarter only a test tells whether its way is free. Ours.",
)


@check
def check_alert_intake(intake: AlertIntake) -> Finding:
    """Does our intake of alerts answer where senders reach it?

    By its own address and secret: a proxy, a certificate or a name that is wrong shows here as senders meet it.
    """
    try:
        standing = intake.standing()
    except CannotLook as error:
        # For whoever sends alerts this is no doubt: nothing of theirs arrives.
        return Finding(verdict=Verdict.BAD, says=f"No alert arrives: {error.says}", remedy=error.remedy)
    elsewhere = standing.address.rstrip("/") != intake.url.rstrip("/")
    also = f" It believes that senders reach it at {standing.address}." if elsewhere else ""
    return Finding(
        verdict=Verdict.WARN if elsewhere else Verdict.OK,
        says=f"{intake.url} takes alerts of {len(standing.sources)} sources.{also}",
        remedy=f'[alerts]\npublic_url = "{intake.url}"' if elsewhere else "",
        value=float(len(standing.sources)),
    )


@check
def check_alert_refusals(intake: AlertIntake, refused: Threshold = REFUSED) -> Finding:
    """Is anything refused that a configured source sends?

    Only where nothing of that source was taken since: then its alerts are lost. Whoever knows a source's name can have
    himself refused in it, too; he cannot have anything taken. Strangers, and what was taken again, are only told.
    """
    standing = intake.standing()
    lost = {source.name: _lost(source) for source in standing.sources}
    lost = {name: refusals for name, refusals in lost.items() if refusals}
    taken = [source.name for source in standing.sources if source.refused and source.name not in lost]
    most = max((sum(one.number for one in refusals) for refusals in lost.values()), default=0)
    return Finding(
        verdict=refused.judge(most),
        says=_said(standing, lost, taken),
        value=float(most),
        rows=[row for source in standing.sources for row in _rows(source)],
        remedy="\n".join(line for source in standing.sources for line in _remedies(source, lost.get(source.name, []))),
    )


@check
def check_alert_sources(intake: AlertIntake, silent: Threshold = SILENT) -> Finding:
    """Was each source of alerts heard of late, or proved by a test alert that arrived?

    One that was never heard nor tested is WARN: it may have been configured today.
    """
    standing = intake.standing()
    ages = {source.name: age_s(source, standing) for source in standing.sources}
    never = [name for name, age in ages.items() if age is None]
    known = {name: age for name, age in ages.items() if age is not None}
    oldest = max(known, key=lambda name: known[name], default="")
    verdict = silent.judge(known.get(oldest, 0.0))
    if never:
        verdict = max(verdict, Verdict.WARN)
    said = [f"{oldest} was heard or tested {known[oldest] / DAY_S:.1f} days ago, the others later"] if known else []
    said += [f"never heard nor tested: {', '.join(never)}"] if never else []
    return Finding(
        verdict=verdict,
        says=f"Of {len(ages)} sources of alerts, {'; '.join(said)}." if said else "No source of alerts is configured.",
        value=known.get(oldest),
        unit="s" if known else "",
        rows=[_heard(source) for source in standing.sources],
        remedy="incident alerts test NAME   # a sample that opens an incident and closes it" if verdict else "",
    )


@check
def check_runbooks_reached(intake: AlertIntake) -> Finding:
    """Is there something that opens every runbook: a watch, a rule, or an alert that came by its name?

    In the environments that sources of alerts are of, and of what is configured there. Never more than WARN: it is
    nothing that a step mends.
    """
    found = intake.standing().unreached
    places = sorted({one.environment for one in found})
    slugs = sorted({one.runbook for one in found})
    return Finding(
        verdict=Verdict.WARN if found else Verdict.OK,
        says=f"Nothing but a person opens {', '.join(slugs)} in {', '.join(places)}."
        if found
        else "Something opens every runbook there is.",
        value=float(len(found)),
        rows=[{"environment": one.environment, "runbook": one.runbook, "why": one.says} for one in found],
        remedy="\n".join(dict.fromkeys(one.says for one in found)),
    )


@check
def check_scheduler(intake: AlertIntake) -> Finding:
    """Do our own schedules begin what they should?

    The scheduler plans ahead, a worker takes what is due, and each of Prefect's own loops comes round.
    """
    seen = intake.clockwork()
    begins = f"the next run begins {seen.next_run:%Y-%m-%d %H:%M} UTC" if seen.next_run else "none is planned"
    idle = "No schedule is active: nothing is watched, and nothing begins by itself."
    if not seen.troubles:
        return Finding(
            verdict=Verdict.OK if seen.schedules else Verdict.WARN,
            says=f"{seen.schedules} schedules are active, {begins}." if seen.schedules else idle,
            value=0.0,
            remedy="" if seen.schedules else "incident publish",
        )
    return Finding(
        verdict=Verdict.BAD,
        says=" ".join(one.says for one in seen.troubles),
        value=float(len(seen.troubles)),
        rows=[{"trouble": one.title, "says": one.says} for one in seen.troubles],
        remedy="\n".join(dict.fromkeys(one.remedy for one in seen.troubles)),
    )


def age_s(source: Source, standing: Standing) -> float | None:
    """For how long nothing of it came, no test alert either; None: never anything."""
    newest = max((at for at in (source.last, source.tested) if at is not None), default=None)
    return None if newest is None else max((standing.at - newest).total_seconds(), 0.0)


def _lost(source: Source) -> list[Refusal]:
    """What was refused since anything of it was taken. A test alert is ours: it says nothing of its sender."""
    return [one for one in source.refused if source.last is None or one.last > source.last]


def _said(standing: Standing, lost: dict[str, list[Refusal]], taken: list[str]) -> str:
    said = [f"{name}: {_counted(refusals)}, none taken since" for name, refusals in lost.items()]
    said += [f"{name}: refused within a day, and taken again" for name in taken]
    if standing.strangers:
        said.append(f"for no source of ours: {_counted(list(standing.strangers))}")
    if not said:
        return f"Nothing that {len(standing.sources)} sources sent within a day was refused."
    return f"Refused within a day. {'; '.join(said)}."


def _counted(refusals: list[Refusal]) -> str:
    return " and ".join(f"{one.number} refused ({one.why}), the last {one.last:%H:%M:%S} UTC" for one in refusals)


def _rows(source: Source) -> list[Row]:
    return [
        {
            "source": source.name,
            "kind": source.kind,
            "why": one.why,
            "refused": one.number,
            "last_refused": one.last.isoformat(timespec="seconds"),
            "last_taken": source.last.isoformat(timespec="seconds") if source.last else "never",
            "secret_is": source.secret_is,
            "sha256_begins": ", ".join(source.fingerprints),
        }
        for one in source.refused
    ]


def _remedies(source: Source, lost: list[Refusal]) -> Iterator[str]:
    for one in lost:
        yield f"{source.name}: {one.remedy}" if one.remedy else f"{source.name}: the log of `intake` says more."
    if lost:
        yield (
            f"What {source.name} proves itself by: {source.secret_is} Compare at its sender, without showing it: "
            f'printf %s "$SECRET" | sha256sum   # begins with {" or ".join(source.fingerprints)}'
        )


def _heard(source: Source) -> Row:
    return {
        "source": source.name,
        "kind": source.kind,
        "last": source.last.isoformat(timespec="seconds") if source.last else "never",
        "tested": source.tested.isoformat(timespec="seconds") if source.tested else "never",
    }

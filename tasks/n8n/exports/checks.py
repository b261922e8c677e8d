"""What we ask about the exported workflows: is there a new one, is it whole, and is it in n8n again."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from tasks.check import check
from tasks.model import Finding, Refused, Threshold, Verdict
from tasks.n8n.exports import shelf
from tasks.n8n.exports.shelf import Export, Kept
from tasks.n8n.system import N8n

EXPORT_AGE = Threshold(
    warn=7,
    bad=15,
    because="Owner: the team on call. Days since the last export: seed S3 exports weekly, and two weeks without one "
    "mean that it fails.",
)


@check
def check_n8n_exported(n8n: N8n, age: Threshold = EXPORT_AGE) -> Finding:
    """Is there a whole, new export of all workflows?

    Each file is held against its manifest. Credentials are not in it, and neither is the key that they are encrypted
    with: n8n's encryption key has to be kept elsewhere, or a restored n8n can read none of them.
    """
    folder = folder_of(n8n)
    days = shelf.days(folder)
    if not days:
        return Finding(
            verdict=Verdict.BAD, says=f"There is no export of n8n's workflows in {folder}.", unit="days",
            remedy="maintenance/n8n-export makes one.",
        )  # fmt: skip
    try:
        export = shelf.read(folder, days[0])
    except Refused as error:
        return Finding(verdict=Verdict.BAD, says=error.says, remedy="Make one anew.", unit="days")
    old = (datetime.now(UTC).date() - export.day).days
    return Finding(
        verdict=age.judge(old),
        says=f"{len(export.workflows)} workflows were exported on {export.day}, {old} days ago (bad from "
        f"{age.bad:.0f}), and each file is as it was written.",
        value=float(old),
        unit="days",
        facts={"workflows": len(export.workflows), "day": export.day.isoformat()},
    )


@check
def check_n8n_import_fits(n8n: N8n, day: str = "") -> Finding:
    """Is that day's export whole, and may we import it?

    Nothing is merged and nothing replaced: what is in n8n by its name already is left as it is.
    """
    export = shelf.read(folder_of(n8n), day_of(day))
    scopes = n8n.scopes()
    if scopes is not None and "workflow:create" not in scopes:
        return Finding(verdict=Verdict.BAD, says="n8n takes the key, and it may make no workflows (workflow:create).")
    wanted = missing(n8n, export)
    return Finding(
        verdict=Verdict.OK,
        says=f"{len(export.workflows)} workflows were exported on {export.day}, {len(wanted)} of them are not in n8n.",
        value=float(len(wanted)),
        unit="workflows",
        rows=[{"workflow": one.name, "was active": one.was_active} for one in wanted[:50]],
    )


@check
def check_n8n_imported(n8n: N8n, day: str = "") -> Finding:
    """Is each workflow of that day's export in n8n?

    By name: an imported one has a new id. Whether it is active, and its credentials work, is asked elsewhere.
    """
    return _imported(n8n, shelf.read(folder_of(n8n), day_of(day)))


@check
def check_n8n_workflows_there(n8n: N8n) -> Finding:
    """Is each workflow of the newest export in n8n?

    By name. One that was archived on purpose since is missed until the next export.
    """
    return _imported(n8n, shelf.read(folder_of(n8n), newest(n8n)))


def newest(n8n: N8n) -> date:
    """The day of the newest export.

    Raises:
        Refused: there is none.
    """
    folder = folder_of(n8n)
    found = shelf.days(folder)
    if not found:
        raise Refused(f"There is no export of n8n's workflows in {folder}.", remedy="maintenance/n8n-export makes one.")
    return found[0]


def _imported(n8n: N8n, export: Export) -> Finding:
    left = missing(n8n, export)
    return Finding(
        verdict=Verdict.BAD if left else Verdict.OK,
        says=f"{len(left)} of {len(export.workflows)} exported workflows are not in n8n."
        if left
        else f"All {len(export.workflows)} exported workflows are in n8n.",
        value=float(len(left)),
        unit="workflows",
        rows=[{"workflow": one.name} for one in left[:50]],
    )


def folder_of(n8n: N8n) -> Path:
    """
    Raises:
        Refused: none is configured.
    """
    if n8n.exports is None:
        raise Refused(
            "Nobody has said where exported workflows are kept.",
            remedy='Write under n8n in environments.toml: exports = "/var/backups/n8n"',
        )
    return n8n.exports


def day_of(said: str) -> date:
    """
    Raises:
        Refused: it is no day.
    """
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise Refused(
            f"{said!r} is no day.", remedy="Write it like 2026-11-29, as the export's folder is called."
        ) from None


def missing(n8n: N8n, export: Export) -> list[Kept]:
    """Those that are not in n8n by their name, each as often as it was there.

    Raises:
        CannotLook, Refused: what is in n8n cannot be had.
    """
    there = Counter(one.name for one in n8n.workflows() if not one.archived)
    left: list[Kept] = []
    for one in export.workflows:
        if there[one.name] > 0:
            there[one.name] -= 1
        else:
            left.append(one)
    return left

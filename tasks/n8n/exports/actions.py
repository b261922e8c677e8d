"""Exporting all workflows to files, and making them anew in n8n from there."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.n8n.exports import shelf
from tasks.n8n.exports.checks import day_of, folder_of, missing, newest
from tasks.n8n.exports.shelf import IMPORTABLE
from tasks.n8n.system import N8n

INACTIVE = "Nothing: what is imported is new, and inactive. Archive it in n8n to be rid of it again."


class ExportWorkflows(Action):
    """Export all workflows to files.

    A folder for the day, a file each, counted against what n8n lists, and a manifest of their SHA-256. Only reads in
    n8n; earlier exports stay.
    """

    undo = NoWayBack(loses="Nothing: a folder is added, and the other days' stay.")

    def plan(self, n8n: N8n) -> Plan:
        folder, today = folder_of(n8n), datetime.now(UTC).date()
        there = today in shelf.days(folder)
        place = folder / today.isoformat()
        return Plan(
            does=f"Nothing to do: {place} is there." if there else f"Export n8n's workflows to {place}.",
            commands=() if there else (Command(line=f"export {n8n.url} to {place}", target={"folder": str(place)}),),
            blast_radius=BlastRadius(touched=0 if there else 1, total=1, noun="folders"),
            risk=Risk.LOW,
            loses=self.way_back,
            language="text",
        )

    def apply(self, n8n: N8n, plan: Plan) -> Outcome:
        folder = folder_of(n8n)
        today = datetime.now(UTC).date()
        (planned,) = plan.commands
        if planned.target["folder"] != str(folder / today.isoformat()):
            raise Refused("The day has changed since this was planned.", remedy="Plan it anew.")
        export = shelf.write(folder, today, n8n.workflow_tables())
        listed = len(n8n.workflows())
        return Outcome(
            says=f"Exported {len(export.workflows)} workflows to {export.folder}; n8n lists {listed}.",
            complete=len(export.workflows) == listed,
            rows=[{"workflow": one.name, "sha256": one.sha256} for one in export.workflows],
        )

    def applied(self, n8n: N8n, plan: Plan) -> bool | None:
        folder = folder_of(n8n)
        there = {str(folder / day.isoformat()) for day in shelf.days(folder)}
        return all(planned.target["folder"] in there for planned in plan.commands)


class ImportWorkflows(Action):
    """Make the exported workflows anew that are not in n8n.

    By name, each inactive and with a new id. What is there is left as it is. Their nodes name credentials by the ids
    they had: where those are gone, each has to be chosen anew.
    """

    narrows = True
    undo = NoWayBack(loses=INACTIVE)

    def plan(self, n8n: N8n, day: str = "") -> Plan:
        export = shelf.read(folder_of(n8n), day_of(day))
        left = missing(n8n, export)
        return Plan(
            does=f"Make {len(left)} of {len(export.workflows)} workflows anew, as they were on {export.day}; inactive."
            if left
            else "Nothing to do: each is in n8n.",
            commands=tuple(
                Command(
                    line=f"POST {n8n.api}/workflows  # {one.name}, from {one.file}",
                    target={"day": export.day.isoformat(), "file": one.file, "sha256": one.sha256},
                )
                for one in left
            ),
            blast_radius=BlastRadius(touched=len(left), total=max(len(export.workflows), 1), noun="exported workflows"),
            risk=Risk.MODERATE,
            loses=INACTIVE,
            evidence=[{"workflow": one.name, "was active": one.was_active} for one in left],
            language="http",
        )

    def apply(self, n8n: N8n, plan: Plan, day: str = "") -> Outcome:
        export = shelf.read(folder_of(n8n), day_of(day))
        wanted = {(one.file, one.sha256): one for one in missing(n8n, export)}
        fates: list[Row] = []
        left: list[Row] = []
        for target in (planned.target for planned in plan.commands):
            one = wanted.get((str(target["file"]), str(target["sha256"])))
            if one is None:
                left.append(target)
                continue
            told = json.loads(export.text(one))
            made = n8n.create({key: told[key] for key in IMPORTABLE})
            fates.append({"workflow": made.name, "id": made.id, "was active": one.was_active})
        return Outcome(
            says=f"Made {len(fates)} workflows, all inactive; {len(left)} were there by then.",
            complete=True,
            rows=fates,
            not_done=left,
        )

    def applied(self, n8n: N8n, plan: Plan, day: str = "") -> bool | None:
        files = {str(planned.target["file"]) for planned in plan.commands}
        return not files & {one.file for one in missing(n8n, shelf.read(folder_of(n8n), day_of(day)))}


class RestoreWorkflows(ImportWorkflows):
    """Make the workflows of the newest export anew that n8n has lost.

    By name, each inactive and with a new id: senders stay off until somebody switches them on. Credentials are in no
    export; they need n8n's own database and its encryption key, or are chosen anew.
    """

    def plan(self, n8n: N8n, day: str = "") -> Plan:
        return super().plan(n8n, day or newest(n8n).isoformat())

    def apply(self, n8n: N8n, plan: Plan, day: str = "") -> Outcome:
        return super().apply(n8n, plan, day or str(plan.commands[0].target["day"]))

    def applied(self, n8n: N8n, plan: Plan, day: str = "") -> bool | None:
        return super().applied(n8n, plan, day or str(plan.commands[0].target["day"]))

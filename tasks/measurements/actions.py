"""Make hours of old measurements."""

from __future__ import annotations

from datetime import datetime

from tasks import deadline
from tasks.action import Action
from tasks.amounts import size
from tasks.measurements.system import Measurements
from tasks.measurements.thinning import OLDEST_HOURS, REST, Due
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk, Row
from tasks.postgres.words import count

# As a person would type it.
DELETE_BEFORE = "DELETE FROM incident.{part} WHERE at < '{before}';"


class ThinMeasurements(Action):
    """Make hours of the months that are old.

    A month a transaction: the lowest, average and highest of each hour are written, and the month is dropped. Whoever
    reads a chart sees the same, by the hour. The record of incidents is not touched.
    """

    undo = NoWayBack(loses="The single points of those months; their hours stay.")
    narrows = True

    def plan(self, measurements: Measurements) -> Plan:
        thinning = measurements.thinning
        found = thinning.due(deadline.now())
        return Plan(
            does=f"Thin {count(len(found), 'part')} ({size(sum(one.bytes for one in found))}) on {thinning.address}, "
            "and make the parts for a year to come. Points are kept "
            f"{measurements.points_days} days, hours {measurements.hours_days}."
            if found
            else f"Nothing to thin on {thinning.address}.",
            commands=tuple(_command(one) for one in found),
            blast_radius=BlastRadius(touched=len(found), total=len(found), noun="parts"),
            # For how long points are kept was agreed on when the environment was written.
            risk=Risk.LOW,
            loses=self.undo.loses,
            evidence=[{"part": one.part, "rows": one.rows, "bytes": one.bytes} for one in found],
        )

    def apply(self, measurements: Measurements, plan: Plan) -> Outcome:
        thinning = measurements.thinning
        due = [_command(one) for one in thinning.due(deadline.now())]
        rows: list[Row] = []
        left: list[Row] = []
        for command in plan.commands:
            if deadline.is_over() or command not in due:
                left.append(command.target)
                continue
            done = thinning.take(str(command.target["part"]), datetime.fromisoformat(str(command.target["before"])))
            rows.append({"part": done.part, "points": done.points, "hours": done.hours})
        thinning.add_months()
        points, stay = sum(int(str(row["points"])) for row in rows), f" {len(left)} left." if left else ""
        return Outcome(
            says=f"{count(len(rows), 'part')} thinned: {points:,} points.{stay}",
            complete=not left,
            rows=rows,
            not_done=left,
        )

    def applied(self, measurements: Measurements, plan: Plan) -> bool | None:
        due = {one.part for one in measurements.thinning.due(deadline.now())}
        return not any(command.target["part"] in due for command in plan.commands)


def _command(one: Due) -> Command:
    deletion = DELETE_BEFORE.format(part=one.part, before=f"{one.before:%Y-%m-%d}")
    goes = deletion if one.part in (REST, OLDEST_HOURS) else f"DROP TABLE incident.{one.part};"
    line = goes if one.part == OLDEST_HOURS else f"INSERT INTO incident.hours … FROM incident.{one.part}; {goes}"
    return Command(line=line, target={"part": one.part, "before": one.before.isoformat()})

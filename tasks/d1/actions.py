"""Take a backup of a D1 database, and let it count only once it was restored and compared."""

from __future__ import annotations

import hashlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tasks.action import Action
from tasks.d1 import proof, shelf
from tasks.d1.system import D1
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk


class BackUpD1(Action):
    """Export the D1 database, restore the export, and keep it if it is whole.

    While Cloudflare makes the export, the database answers nobody: seconds for a small one, minutes for a large one.
    What cannot be restored, or differs, is kept aside and counts as none.
    """

    undo = NoWayBack(loses="Nothing: a file is added, and the other days' stay.")

    def plan(self, d1: D1) -> Plan:
        folder, today = d1.shelf(), datetime.now(UTC).date()
        file = shelf.file_of(folder, today)
        tables = proof.contents(lambda sql: d1.query(sql).rows)
        rows = sum(one.rows for one in tables.values())
        there = today in shelf.days(folder)
        does = (
            f"Export {len(tables)} tables with {rows:,.0f} rows of the D1 database to {file}, restore and compare them."
        )
        return Plan(
            does=f"Nothing to do: {file} is there." if there else does,
            commands=()
            if there
            else (Command(line=f"wrangler d1 export --remote → {file}", target={"file": str(file)}),),
            blast_radius=BlastRadius(touched=0 if there else len(tables), total=len(tables), noun="tables"),
            risk=Risk.MODERATE,
            loses=self.way_back,
            evidence=[{"table": name, "rows": one.rows} for name, one in tables.items()],
            language="text",
        )

    def apply(self, d1: D1, plan: Plan) -> Outcome:
        (planned,) = plan.commands
        folder, today = d1.shelf(), datetime.now(UTC).date()
        file = shelf.file_of(folder, today)
        if planned.target["file"] != str(file):
            raise Refused("The day has changed since this was planned.", remedy="Plan it anew.")

        def ask() -> dict[str, proof.Contents]:
            return proof.contents(lambda sql: d1.query(sql).rows)

        before = ask()
        sql = d1.export()
        after = ask()
        copy, wrong = _restored(sql)
        wrong = wrong or proof.differences(before, copy, after)
        if not wrong and not copy:
            wrong = ["it has no table"]
        if wrong:
            aside = shelf.put_aside(folder, today, sql)
            return Outcome(
                says=f"The export is no backup: {'; '.join(wrong[:5])}. It lies in {aside} for whoever looks into it.",
                complete=False,
                rows=[{"wrong": one} for one in wrong[:50]],
                not_done=[planned.target],
            )
        shelf.put(folder, today, sql, {name: one.rows for name, one in copy.items()})
        rows = sum(one.rows for one in copy.values())
        return Outcome(
            says=f"{len(copy)} tables with {rows:,.0f} rows are in {file}: restored, and as they were in D1.",
            complete=True,
            rows=[{"file": str(file), "sha256": hashlib.sha256(sql).hexdigest(), "bytes": len(sql)}],
        )

    def applied(self, d1: D1, plan: Plan) -> bool | None:
        there = {str(shelf.file_of(d1.shelf(), day)) for day in shelf.days(d1.shelf())}
        return all(planned.target["file"] in there for planned in plan.commands)


def _restored(sql: bytes) -> tuple[dict[str, proof.Contents], list[str]]:
    """What it holds once restored, or why it cannot be."""
    with tempfile.TemporaryDirectory(prefix="d1-restore-") as place:
        try:
            return proof.restored(sql, Path(place) / "restored.sqlite3"), []
        except Refused as error:
            return {}, [error.says.rstrip(".")]

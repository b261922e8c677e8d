"""Ways to keep evidence, and to let it go again."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tasks.action import Action
from tasks.amounts import size
from tasks.evidence.system import EvidenceFolder, mark
from tasks.logs.system import Logs
from tasks.mandate import Mandate
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row

NOUN = "logs"


class KeepEvidence(Action):
    """Keep a copy of the logs, with its hash, before anything is changed.

    Copies each log, and what was turned away from it within a day, into the evidence folder; nothing else is touched,
    and nobody notices. The SHA-256 of each copy goes into the record of this incident and into the chain of custody.
    """

    mandate = Mandate(may="Copy the logs into the evidence folder, and change nothing else.", commands=50)

    def plan(self, logs: Logs, evidence: EvidenceFolder) -> Plan:
        rows: list[Row] = []
        for log in logs.files:
            try:
                found = evidence.generations(log)
            except CannotLook as error:
                # The others are kept all the same; that one is gone, which is evidence, too.
                rows.append({"path": str(log.path), "not_there": error.says})
                continue
            bytes_ = sum(one.size for one in found)
            cut = f", of which the newest {size(evidence.most_bytes)}" if bytes_ > evidence.most_bytes else ""
            told: Row = {"path": str(log.path), "files": len(found), "is": f"{size(bytes_)}{cut}"}
            rows.append({"service": log.service, "mark": mark(log), **told, "at_s": time.time()})
        there = [row for row in rows if "not_there" not in row]
        if not there:
            raise Refused("None of the logs can be read: there is nothing to keep.", remedy=str(rows[0]["not_there"]))
        gone = f" {len(rows) - len(there)} cannot be read." if len(there) < len(rows) else ""
        return Plan(
            does=f"Copy {len(there)} logs to {evidence.folder}, with their hashes.{gone}",
            commands=tuple(
                Command(
                    line=f"cp -p {row['path']} {evidence.folder}/",
                    target={"service": row["service"], "mark": row["mark"]},
                )
                for row in there
            ),
            blast_radius=BlastRadius(touched=len(there), total=len(rows), noun=NOUN),
            risk=Risk.LOW,
            loses="Nothing. It takes room on the disk; a tenth of it stays free.",
            evidence=rows,
            language="sh",
        )

    def apply(self, logs: Logs, evidence: EvidenceFolder, plan: Plan) -> Outcome:
        by_mark = {mark(log): log for log in logs.files}
        rows: list[Row] = []
        failed: list[str] = []
        not_done: list[Row] = []
        for command in plan.commands:
            log = by_mark.get(str(command.target["mark"]))
            if log is None:
                raise Refused(
                    f"What was approved of {command.target['service']} is no log of this environment any more."
                )
            try:
                rows += evidence.keep(log)
            except CannotLook as error:
                failed.append(error.says)
                not_done.append(command.target)
        if not rows:
            raise Refused(f"Nothing was kept: {'; '.join(failed[:3])}")
        bytes_ = sum(int(str(row["bytes"])) for row in rows)
        told = f" Not kept: {'; '.join(failed[:3])}" if failed else ""
        return Outcome(
            says=f"{len(rows)} files kept in {evidence.folder}, {size(bytes_)}, each with its SHA-256.{told}",
            complete=not failed,
            rows=rows,
            not_done=not_done,
        )

    def applied(self, logs: Logs, evidence: EvidenceFolder, plan: Plan) -> bool | None:  # noqa: ARG002
        since = {str(row["mark"]): float(str(row["at_s"])) for row in plan.evidence if "at_s" in row}
        if not since:
            return None
        kept = [one for one in evidence.records() if "mark" in one]
        return all(any(one["mark"] == of and float(one["at_s"]) >= at_s for one in kept) for of, at_s in since.items())

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was kept came to be in acting
        """Exactly those copies can be removed again; that they were there stays written down."""
        ours = [row for row in outcome.rows if "file" in row and "kept_before" not in row]
        return RemoveEvidence([(str(row["file"]), str(row["sha256"])) for row in ours])


class RemoveEvidence(Action):
    """Remove the copies that were kept.

    After a false alarm. Exactly those, each only while it is what was kept; the custody keeps their hashes.
    """

    undo = NoWayBack(loses="The copies are gone. What the logs still hold can be kept again.")

    def __init__(self, copies: Sequence[tuple[str, str]]) -> None:
        """`copies` by name and SHA-256."""
        self.copies = tuple(copies)

    def plan(self, evidence: EvidenceFolder) -> Plan:
        there = [(name, sha256) for name, sha256 in self.copies if (evidence.folder / name).exists()]
        return Plan(
            does=f"Remove {len(there)} copies from {evidence.folder}." if there else "Nothing to remove.",
            commands=tuple(
                Command(line=f"rm {evidence.folder}/{name}", target={"file": name, "sha256": sha256})
                for name, sha256 in there
            ),
            blast_radius=BlastRadius(touched=len(there), total=len(self.copies), noun="copies"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            language="sh",
        )

    def apply(self, evidence: EvidenceFolder, plan: Plan) -> Outcome:
        files = {str(command.target["file"]): str(command.target["sha256"]) for command in plan.commands}
        gone = evidence.remove(files)
        return Outcome(says=f"{len(gone)} copies removed.", complete=True, rows=[{"file": name} for name in gone])

    def applied(self, evidence: EvidenceFolder, plan: Plan) -> bool | None:
        return not any((evidence.folder / str(command.target["file"])).exists() for command in plan.commands)

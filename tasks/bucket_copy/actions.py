"""Copy what is missing in a bucket's copy, or otherwise there; and take back what was copied."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tasks import deadline
from tasks.action import Action
from tasks.amounts import size
from tasks.bucket.system import Bucket, Stored
from tasks.bucket_copy.compare import Lacking, standing, total
from tasks.bucket_copy.manifest import Line
from tasks.bucket_copy.system import BucketCopy
from tasks.how_far import Progress, watched
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.words import count

COPIED, SAME = "copied", "the same already"


class _Copying(Action):
    """What both ways of copying do alike."""

    narrows = True
    over = False

    def apply(self, copy: BucketCopy, plan: Plan) -> Outcome:
        if any(command.target["to"] != copy.destination.url for command in plan.commands):
            raise Refused("The configured destination is not the one that was approved.", remedy="Plan it again.")
        rows: list[Row] = []
        left: list[Row] = []

        def where() -> Progress:
            done = len(rows) + len(left)
            return Progress(says=f"{done} of {len(plan.commands)} objects done.", share=done / len(plan.commands))

        with watched(where), tempfile.TemporaryDirectory(prefix="incident-copy-") as folder:
            for command in plan.commands:
                why = "no time was left" if deadline.is_over() else _one(copy, command.target, Path(folder), self.over)
                if isinstance(why, str):
                    left.append(command.target)
                    rows.append({"key": command.target["key"], "left": why})
                else:
                    rows.append(why)
        done = sum(row.get("became") == COPIED for row in rows)
        same = sum(row.get("became") == SAME for row in rows)
        rest = f" {same} were the same already." if same else ""
        rest += f" {len(left)} left, the first because {_first(rows)}." if left else ""
        return Outcome(
            says=f"{count(done, 'object')} copied to {copy.destination.url}; each was read back and is the same.{rest}",
            complete=not left,
            rows=rows,
            not_done=left,
        )

    def applied(self, copy: BucketCopy, plan: Plan) -> bool | None:
        lacking = {one.key for one in standing(copy).lacking}
        return not any(command.target["key"] in lacking for command in plan.commands)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was put there, only the outcome knows
        """Remove the copies that were made, each where it is still what was put there."""
        return RemoveCopies([row for row in outcome.rows if row.get("became") == COPIED])

    def _planned(self, copy: BucketCopy, verb: str, some: Sequence[Lacking], objects: int, risk: Risk) -> Plan:
        now = some[: copy.most_objects]
        rest = f" {len(some) - len(now):,} more go another time." if len(now) < len(some) else ""
        return Plan(
            does=f"{verb} {total(now)}, from {copy.source.url} to {copy.destination.url}, and read each back.{rest}"
            if now
            else f"Nothing to do: {copy.destination.url} has what it takes of {copy.source.url}.",
            commands=tuple(_command(copy, one) for one in now),
            blast_radius=BlastRadius(touched=len(now), total=objects, noun="objects"),
            risk=risk,
            loses="Nothing. Whoever may read the destination has the files.",
            evidence=[one.shown for one in now[:50]],
            language="sh",
        )


class CopyMissingObjects(_Copying):
    """Copy the objects that are missing in the copy.

    Each is read from the source, written where nothing is, read back from there to its end and compared by SHA-256.
    Nothing there is replaced or removed. What changed at the source since the plan is left for the next time. What
    others copied is read at both places once, and written down.
    """

    def plan(self, copy: BucketCopy) -> Plan:
        now = standing(copy)
        due = [*now.missing, *now.uncompared]
        verb = "Copy, and where others copied compare," if now.uncompared else "Copy"
        return self._planned(copy, verb, due, now.objects, Risk.LOW)


class CopyChangedObjects(_Copying):
    """Copy the objects that are otherwise in the copy, as a new version.

    Only where the destination keeps versions: what was there stays, as an older one. Each is read at both places first;
    what turns out to be the same is only written down.
    """

    over = True

    def plan(self, copy: BucketCopy) -> Plan:
        now = standing(copy)
        if now.differing and not copy.destination.keeps_versions():
            raise Refused(
                f"{copy.destination.url} keeps no versions, so the {count(len(now.differing), 'object')} that differ "
                "stay as they are there: the copy may be the good one.",
                remedy="Turn versioning on, or look at them one by one.",
            )
        # A shrunken object may be a broken one: a person looks first.
        risk = Risk.HIGH if any(one.shrunk for one in now.differing) else Risk.MODERATE
        return self._planned(
            copy, "Compare, and where they differ write as a new version,", now.differing, now.objects, risk
        )


class RemoveCopies(Action):
    """Remove the copies that were made.

    Each only where it is still what was put there; an older version comes to light again where there was one.
    """

    undo = NoWayBack(loses="Nothing: they are at the source, and the next run copies them again.")
    narrows = True

    def __init__(self, copied: Sequence[Row]) -> None:
        """`copied` are the rows in which a copying told what it put there."""
        self.copied = copied

    def plan(self, copy: BucketCopy) -> Plan:
        there = [row for row in self.copied if _still(copy.destination, row)]
        others = len(self.copied) - len(there)
        stay = f" {count(others, 'object')} stay: they are not what was put there." if others else ""
        return Plan(
            does=f"Remove {count(len(there), 'object')} from {copy.destination.url}.{stay}",
            commands=tuple(_removal(copy.destination, row) for row in there),
            blast_radius=BlastRadius(touched=len(there), total=len(self.copied), noun="copied objects"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            language="sh",
        )

    def apply(self, copy: BucketCopy, plan: Plan) -> Outcome:
        left: list[Row] = []
        said = ""
        for command in plan.commands:
            row = command.target
            try:
                copy.destination.remove(
                    str(row["key"]), int(str(row["bytes"])), str(row["version"]), str(row["sha256"])
                )
            except Refused as error:
                left.append(row)
                said = said or f" {error.says}"
        done = len(plan.commands) - len(left)
        stay = f" {len(left)} stayed.{said}" if left else ""
        return Outcome(says=f"{count(done, 'object')} removed.{stay}", complete=not left, not_done=left)

    def applied(self, copy: BucketCopy, plan: Plan) -> bool | None:
        return not any(_still(copy.destination, command.target) for command in plan.commands)


def _one(copy: BucketCopy, target: Row, folder: Path, over: bool) -> Row | str:
    """Copy one object: what was put where; or why it was left alone."""
    key, planned = str(target["key"]), (target["bytes"], target["at"])
    here = copy.source.head(key)
    if here is None or (here.bytes, here.at.isoformat()) != planned:
        return f"{key} is not what it was at the source when this was planned"
    free = shutil.disk_usage(folder).free
    if here.bytes > free:
        return f"{key} has {size(here.bytes)}, and {size(free)} are free in {folder.parent}"
    file = folder / "object"
    try:
        sha256 = copy.source.fetch(key, file, here.bytes)
        there = copy.destination.head(key)
        became = SAME
        if there is None or there.bytes != here.bytes or copy.destination.hash_of(key) != sha256:
            if there is not None and not over:
                # So that the next look counts it among those that differ, and does not read it again.
                copy.written_down.add(_line(key, here, sha256, ""))
                return f"{key} is there by now, and otherwise"
            put = copy.destination.put if there is None else copy.destination.put_over
            there, became = put(file, key, sha256, here.settings), COPIED
    except Refused as error:
        return error.says.removesuffix(".")
    finally:
        file.unlink(missing_ok=True)
    copy.written_down.add(_line(key, here, sha256, there.at.isoformat()))
    return {"key": key, "became": became, "bytes": here.bytes, "sha256": sha256, "version": there.version}


def _line(key: str, here: Stored, sha256: str, copy_at: str) -> Line:
    return Line(key=key, bytes=here.bytes, sha256=sha256, source_at=here.at.isoformat(), copy_at=copy_at)


def _command(copy: BucketCopy, one: Lacking) -> Command:
    line = shlex.join(["aws", "s3", "cp", _place(copy.source, one.key), _place(copy.destination, one.key)])
    target: Row = {"key": one.key, "bytes": one.bytes, "at": one.at.isoformat(), "to": copy.destination.url}
    return Command(line=line, target=target)


def _removal(bucket: Bucket, row: Row) -> Command:
    name, _, place = _place(bucket, str(row["key"])).removeprefix("s3://").partition("/")
    version = ["--version-id", str(row["version"])] if row["version"] else []
    line = shlex.join(["aws", "s3api", "delete-object", "--bucket", name, "--key", place, *version])
    target: Row = {part: row[part] for part in ("key", "bytes", "sha256", "version")}
    return Command(line=line, target=target)


def _place(bucket: Bucket, key: str) -> str:
    return f"{bucket.url.rstrip('/')}/{key}"


def _still(bucket: Bucket, row: Row) -> bool:
    return bucket.holds(str(row["key"]), int(str(row["bytes"])), str(row["version"]), str(row["sha256"]))


def _first(rows: Sequence[Row]) -> str:
    return str(next(row["left"] for row in rows if "left" in row))

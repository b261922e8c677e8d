"""What can be done about the object storage: the spare key put in place, uploads ended that nobody finishes."""

from __future__ import annotations

import shlex

from tasks import spare_key
from tasks.action import Action
from tasks.amounts import stretch
from tasks.excerpt import excerpt
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.words import count
from tasks.storage.checks import UNFINISHED
from tasks.storage.system import Storage
from tasks.storage.uploads import KEY_CHARACTERS, Upload, ended, unfinished

# In one step: what is more is asked about once these are done.
MOST = 200


class UseSpareStorageKey(Action):
    """Put the spare key for the object storage where the application finds its key.

    Only while the store refuses the one that is there, and takes the spare one: both are tried first. Neither is ever
    shown; a fingerprint tells them apart. The replaced key is kept beside the file, as private as it was.
    """

    def plan(self, storage: Storage) -> Plan:
        return spare_key.use_plan(storage)

    def apply(self, storage: Storage, plan: Plan) -> Outcome:
        return spare_key.use(storage, plan)

    def applied(self, storage: Storage, plan: Plan) -> bool | None:
        return spare_key.is_there(storage, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put the replaced key back."""
        return PutStorageKeyBack(now=str(plan.commands[0].target["to"]), back=str(plan.commands[0].target["from"]))


class PutStorageKeyBack(Action):
    """Put the replaced key for the object storage back.

    Only if the file still holds the one that we put there.
    """

    undo = NoWayBack(loses="Nothing: the spare key is configured, and can be put in place again.")

    def __init__(self, now: str, back: str) -> None:
        """Fingerprints: of the key that is there, and of the one that was."""
        self.now, self.back = now, back

    def plan(self, storage: Storage) -> Plan:
        return spare_key.back_plan(storage, self.now, self.back)

    def apply(self, storage: Storage, plan: Plan) -> Outcome:
        return spare_key.back(storage, plan)

    def applied(self, storage: Storage, plan: Plan) -> bool | None:
        return spare_key.is_there(storage, plan)


class EndUnfinishedUploads(Action):
    """End the uploads that were begun long ago and never finished.

    Each by its own id, if it is still as old as the check finds wrong. What is finished meanwhile is an object, and
    stays.
    """

    undo = NoWayBack(loses="The parts that were sent: whoever goes on with such an upload begins it anew.")
    narrows = True

    def plan(self, storage: Storage, left: Threshold = UNFINISHED) -> Plan:
        found = unfinished(storage.opened())
        old = [one for one in found if one.age_s >= left.warn]
        now = old[:MOST]
        rest = f" {len(old) - len(now):,} more are asked about afterwards." if len(now) < len(old) else ""
        return Plan(
            does=f"End {count(len(now), 'upload')} begun more than {stretch(left.warn)} ago.{rest}"
            if now
            else f"Nothing to end: no upload was begun more than {stretch(left.warn)} ago.",
            commands=tuple(_end(storage, one) for one in now),
            blast_radius=BlastRadius(touched=len(now), total=max(len(found), 1), noun="unfinished uploads"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            evidence=[one.row for one in now[:50]],
            language="sh",
        )

    def apply(self, storage: Storage, plan: Plan) -> Outcome:
        if any(command.target["url"] != storage.url for command in plan.commands):
            raise Refused("The configured bucket is not the one that was approved.", remedy="Plan it again.")
        bucket = storage.opened()
        there = {(one.key, one.upload_id): one for one in unfinished(bucket)}
        rows: list[Row] = []
        for command in plan.commands:
            # Begun when it was seen to be: an id is the store's own, and could be given again.
            one = there.get((str(command.target["key"]), str(command.target["upload"])))
            same = one is not None and one.begun.isoformat() == command.target["begun"]
            did = one is not None and same and ended(bucket, one)
            rows.append({**command.target, "became": "ended" if did else "was gone already"})
        done = sum(row["became"] == "ended" for row in rows)
        return Outcome(says=f"{count(done, 'upload')} ended of {len(rows)}.", complete=True, rows=rows)

    def applied(self, storage: Storage, plan: Plan) -> bool | None:
        there = {one.upload_id for one in unfinished(storage.opened())}
        return not any(command.target["upload"] in there for command in plan.commands)


def _end(storage: Storage, one: Upload) -> Command:
    name = storage.url.removeprefix("s3://").partition("/")[0]
    key = excerpt(one.key, KEY_CHARACTERS)
    line = ["aws", "s3api", "abort-multipart-upload", "--bucket", name, "--key", key, "--upload-id", one.upload_id]
    return Command(
        line=shlex.join(line),
        target={"url": storage.url, "key": one.key, "upload": one.upload_id, "begun": one.begun.isoformat()},
    )

"""Backups in the bucket, and the way of one back into the folder, where the folder is lost or has none that is good."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tasks.action import Action
from tasks.amounts import size
from tasks.backup import shelf
from tasks.backup.checks import newest_good
from tasks.backup.system import Backups
from tasks.bucket.system import Bucket, Listed
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk
from tasks.postgres.words import count

# Of years, with the files of each.
MOST_OBJECTS = 20_000
_NAMED = re.compile(r"-\d{8}T\d{6}Z$")


def copies(backup: Backups) -> list[str]:
    """The backups in the bucket that are whole, the newest first. The proof is put there last.

    Raises:
        CannotLook, Refused: the store does not answer.
    """
    return sorted(_files(backup), key=lambda name: name[-16:], reverse=True) if backup.bucket else []


def _files(backup: Backups) -> dict[str, dict[str, Listed]]:
    if backup.bucket is None:
        return {}
    prefix = shelf.name_for(backup.source.place.database, datetime.now(UTC))[:-16]
    found: dict[str, dict[str, Listed]] = {}
    for key, listed in backup.bucket.objects(MOST_OBJECTS).items():
        name, _, file = key.partition("/")
        if file in shelf.FILES and name.startswith(prefix) and _NAMED.fullmatch(name[-17:]):
            found.setdefault(name, {})[file] = listed
    return {name: files for name, files in found.items() if shelf.PROOF in files}


class FetchBackup(Action):
    """Bring the newest backup back from the bucket.

    Into the backups' folder, each file held against its manifest. What has its name there and is spoiled is set apart;
    nothing is removed, here or there.
    """

    undo = NoWayBack(loses="Nothing: a backup more is in the folder, and the rules for old ones go on.")

    def plan(self, backup: Backups) -> Plan:
        good, _ = newest_good(backup.kept())
        there = _files(backup)
        newest = next(iter(copies(backup)), "")
        if backup.bucket is None or not newest or (good and good.name[-16:] >= newest[-16:]):
            return Plan(
                does="Nothing to do: no bucket is configured."
                if backup.bucket is None
                else "Nothing to do: the bucket has none that is newer.",
                commands=(),
                blast_radius=BlastRadius(touched=0, total=0, noun="backups"),
                risk=Risk.LOW,
                loses="Nothing.",
            )
        total = sum(one.bytes for one in there[newest].values())
        line = f"aws s3 cp --recursive {backup.bucket.url}/{newest} {backup.folder}/{newest}"
        return Plan(
            does=f"Bring {newest} ({size(total)}) back from {backup.bucket.url} to {backup.folder}.",
            commands=(Command(line=line, target={"backup": newest, "bucket": backup.bucket.url, "bytes": total}),),
            blast_radius=BlastRadius(touched=1, total=len(there), noun="copies"),
            risk=Risk.LOW,
            loses="Nothing. Whoever may read the folder has the data.",
            language="sh",
        )

    def apply(self, backup: Backups, plan: Plan) -> Outcome:
        (command,) = plan.commands
        name = str(command.target["backup"])
        files = _files(backup).get(name)
        if backup.bucket is None or backup.bucket.url != command.target["bucket"] or files is None:
            raise Refused("The copy that was approved is not there any more.", remedy="Plan it again.")
        with shelf.alone(backup.folder):
            for spoiled in backup.kept():
                if spoiled.name == name and spoiled.altered():
                    shelf.set_apart(spoiled)
            _take(backup, backup.bucket, name, files)
        one = next((one for one in backup.kept() if one.name == name), None)
        wrong = one.altered() if one and one.proven_at else ["it is no proven backup of this database"]
        if wrong:
            return Outcome(says=f"{name} was fetched and is no good: {', '.join(wrong)}.", complete=False)
        return Outcome(says=f"{name} is in {backup.folder}: {count(len(files), 'file')}, as written.", complete=True)

    def applied(self, backup: Backups, plan: Plan) -> bool | None:
        (command,) = plan.commands
        return any(
            one.name == command.target["backup"] and one.proven_at is not None and not one.altered()
            for one in backup.kept()
        )


def _take(backup: Backups, bucket: Bucket, name: str, files: dict[str, Listed]) -> None:
    with shelf.writing(backup.folder, name) as place:
        for file, listed in files.items():
            bucket.fetch(f"{name}/{file}", place / file, listed.bytes)

"""Incidents that were let go, and what is left of them: what the tests of retention share."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from flows.journal import (
    Audit,
    Entry,
    Journal,
    Redactor,
    Tombstone,
    complaints,
)
from flows.journal.chain import chained
from flows.keepers.retire import removable, retire
from tests.flows.journal.conftest import Roles

YEAR = timedelta(days=365)
MEASURED = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT 'e', 'c', clock_timestamp() - make_interval(days => n), 1, 's', 'OK', '{}'
      FROM generate_series(10, 400, 100) AS n
"""


def owner(roles: Roles) -> Journal:
    return Journal(SecretStr(roles.owner_url), Redactor([]))


def audited(journal: Journal, anchors: dict[int, str] | None = None) -> tuple[Audit, list[tuple[str, str]]]:
    audit = Audit()
    with journal.record() as record:
        return audit, [(one.where, one.says) for one in complaints(record, audit, anchors)]


def tombstones(journal: Journal) -> list[Tombstone]:
    kept: list[Tombstone] = []
    with journal.record() as record:
        for _ in complaints(record, Audit(), None, lambda entry: kept.append(Tombstone.of(entry))):
            pass
    return kept


def anchored(journal: Journal) -> dict[int, str]:
    with journal.record() as record:
        return {seal.seal: seal.hash for seal, _ in record.seals()}


def retired(roles: Roles, folder: Path) -> list[int]:
    journal = roles.journal()
    return [batch.retired for batch in retire(journal, folder, YEAR, journal.seal)]


def removed(roles: Roles, folder: Path) -> int:
    found = removable(owner(roles), folder, YEAR, anchored(roles.journal()))
    assert list(found.refused) == []
    return sum(owner(roles).retention.remove(one.tombstone for one in found.entombed))


def tombstone(after: Entry, **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        **vars(after),
        "seq": after.seq + 1,
        "kind": "retired",
        "key": "retired/forged",
        "actor": "mallory",
        "body": {"says": "gone", "file": "gone.jsonl", "sha256": "a" * 64},
        "prev": after.hash,
        **changes,
    }
    fields.pop("hash")
    return chained(**fields)

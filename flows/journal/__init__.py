"""The append-only, hash-chained record of every incident: what happened, and where a resumed run goes on."""

from flows.journal import kinds
from flows.journal.anchor import Anchored, AnchorFile, CannotAnchor, NotAnchors, Place, Told, gathered, is_told
from flows.journal.audit import Audit, Complaint, Record, complaints
from flows.journal.bucket import Bucket
from flows.journal.chain import broken, stands_for_removed
from flows.journal.connection import JournalUnavailable
from flows.journal.entry import Entry, NotRecordable
from flows.journal.export import Exported, NotAnExport, lines, write_whole
from flows.journal.journal import Journal, JournalBroken, Retired
from flows.journal.lately import LastRun
from flows.journal.locks import HeldElsewhere
from flows.journal.log import AlreadyRecorded, HeldLog, LockLost
from flows.journal.openings import Asked, Opening, Waiting
from flows.journal.redact import Redactor
from flows.journal.retention import CannotRemove, Entombed
from flows.journal.retired import Tombstone, sha256_of, unlike_exports
from flows.journal.rights import Rights
from flows.journal.seal import Seal
from flows.journal.summary import IncidentSummary, NoSuchIncident

__all__ = [
    "AlreadyRecorded",
    "AnchorFile",
    "Anchored",
    "Asked",
    "Audit",
    "Bucket",
    "CannotAnchor",
    "CannotRemove",
    "Complaint",
    "Entombed",
    "Entry",
    "Exported",
    "HeldElsewhere",
    "HeldLog",
    "IncidentSummary",
    "Journal",
    "JournalBroken",
    "JournalUnavailable",
    "LastRun",
    "LockLost",
    "NoSuchIncident",
    "NotAnExport",
    "NotAnchors",
    "NotRecordable",
    "Opening",
    "Place",
    "Record",
    "Redactor",
    "Retired",
    "Rights",
    "Seal",
    "Told",
    "Tombstone",
    "Waiting",
    "broken",
    "complaints",
    "gathered",
    "is_told",
    "kinds",
    "lines",
    "sha256_of",
    "stands_for_removed",
    "unlike_exports",
    "write_whole",
]

"""The append-only, hash-chained record of every incident: what happened, and where a resumed run goes on."""

from flows.journal.anchor import NotAnchors, anchor, anchors
from flows.journal.audit import Audit, Complaint, Record, complaints
from flows.journal.chain import broken
from flows.journal.connection import JournalUnavailable
from flows.journal.entry import Entry, NotRecordable
from flows.journal.export import Exported, NotAnExport, lines
from flows.journal.journal import Journal, JournalBroken
from flows.journal.locks import HeldElsewhere
from flows.journal.log import AlreadyRecorded, HeldLog
from flows.journal.redact import Redactor
from flows.journal.rights import Rights
from flows.journal.seal import Seal
from flows.journal.summary import IncidentSummary, NoSuchIncident

__all__ = [
    "AlreadyRecorded",
    "Audit",
    "Complaint",
    "Entry",
    "Exported",
    "HeldElsewhere",
    "HeldLog",
    "IncidentSummary",
    "Journal",
    "JournalBroken",
    "JournalUnavailable",
    "NoSuchIncident",
    "NotAnExport",
    "NotAnchors",
    "NotRecordable",
    "Record",
    "Redactor",
    "Rights",
    "Seal",
    "anchor",
    "anchors",
    "broken",
    "complaints",
    "lines",
]

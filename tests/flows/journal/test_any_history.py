"""Whatever is done to the journal in whatever order: is the record what a list in memory says, and does it verify?"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from pydantic import SecretStr

from flows.journal import (
    AlreadyRecorded,
    Audit,
    Exported,
    HeldElsewhere,
    HeldLog,
    Journal,
    JournalUnavailable,
    NoSuchIncident,
    Redactor,
    Retired,
    complaints,
    lines,
)
from flows.keepers.retire import removable, retire
from tests.conftest import Server
from tests.flows.journal.conftest import Roles, copied
from tests.flows.raw import Raw
from tests.histories import live_through

INCIDENTS = st.sampled_from(["inc-1", "inc-2", "inc-3"])
KEYS = st.sampled_from(["a", "b", "closed"])
NOW = timedelta(0)


def kind_of(key: str) -> str:
    return "closed" if key == "closed" else "note"


class History(RuleBasedStateMachine):
    """A journal, and beside it what it should hold: the keys of each incident in their order, and how many are gone."""

    server: ClassVar[Server]
    migrated: ClassVar[Roles]

    def __init__(self) -> None:
        super().__init__()
        self.cleanup = contextlib.ExitStack()
        self.roles = self.cleanup.enter_context(copied(self.server, self.migrated))
        self.folder = Path(tempfile.mkdtemp(prefix="incident-history-"))
        self.cleanup.callback(shutil.rmtree, self.folder)
        self.journal = self.roles.journal()
        self.owner = Journal(SecretStr(self.roles.owner_url), Redactor([]))
        self.keys: dict[str, list[str]] = {}
        self.gone: dict[str, int] = {}
        self.held: dict[str, tuple[contextlib.ExitStack, HeldLog]] = {}
        self.exports: list[Path] = []
        self.bodies = itertools.count()

    def teardown(self) -> None:
        try:
            self.end()
        finally:
            for hold, _ in self.held.values():
                hold.close()
            self.cleanup.close()

    def end(self) -> None:
        """Whatever happened, what is over can go, and every export that was ever made verifies."""
        if not self.keys:
            return
        self.remove(retired_just_now=True)
        self.it_verifies_and_holds_what_the_list_says()
        for export in [*self.exports, *self.folder.glob("retired-*.jsonl")]:
            assert list(complaints(Exported(export), Audit())) == [], export

    def wrote(self, incident: str, key: str, write: Callable[[dict[str, Any]], object]) -> None:
        """Do it, and expect of it what the list says."""
        body = {"n": next(self.bodies)}
        if key in self.keys.get(incident, ()):
            with pytest.raises(AlreadyRecorded):
                write(body)
        else:
            write(body)
            self.keys.setdefault(incident, []).append(key)

    @initialize()
    def begin(self) -> None:
        """One is under way and one is over, so that a short history reaches everything."""
        for incident in ("inc-1", "inc-2"):
            self.hold(incident)
            self.append(incident, "a")
        self.append("inc-2", "closed")

    @rule(incident=INCIDENTS)
    def hold(self, incident: str) -> None:
        hold = contextlib.ExitStack()
        if incident in self.held or incident in self.gone:
            with pytest.raises(HeldElsewhere if incident in self.held else Retired):
                hold.enter_context(self.journal.hold(incident))
        else:
            self.held[incident] = hold, hold.enter_context(self.journal.hold(incident))

    @rule(incident=INCIDENTS)
    def release(self, incident: str) -> None:
        if incident in self.held:
            self.held.pop(incident)[0].close()

    @rule(incident=INCIDENTS, key=KEYS)
    def append(self, incident: str, key: str) -> None:
        if incident in self.held:
            log = self.held[incident][1]
            self.wrote(incident, key, lambda body: log.append("engine", key, Raw(kind_of(key), body)))

    @rule(incident=INCIDENTS, key=KEYS)
    def once(self, incident: str, key: str) -> None:
        if incident in self.held:
            first = self.held[incident][1].once(key, "engine", lambda: Raw(kind_of(key), {"n": next(self.bodies)}))
            again = self.held[incident][1].once(key, "engine", lambda: Raw(kind_of(key), {"n": -1}))
            assert (again, again.key) == (first, key)
            if key not in self.keys.setdefault(incident, []):
                self.keys[incident].append(key)

    @rule(incident=INCIDENTS, key=KEYS)
    def note(self, incident: str, key: str) -> None:
        if incident in self.keys:
            self.wrote(incident, key, lambda body: self.journal.note(incident, "ana", key, Raw(kind_of(key), body)))
        else:
            with pytest.raises(NoSuchIncident):
                self.journal.note(incident, "ana", key, Raw(kind_of(key), {}))

    @rule(incident=INCIDENTS, key=KEYS)
    def write_twice_at_once(self, incident: str, key: str) -> None:
        if incident not in self.held or incident not in self.keys or key in self.keys[incident]:
            return
        log, refused = self.held[incident][1], []

        def attempt(write: Callable[[], object]) -> None:
            try:
                write()
            except AlreadyRecorded as already:
                refused.append(already)

        writers = [
            threading.Thread(target=attempt, args=(lambda: log.append("engine", key, Raw(kind_of(key), {"by": 1})),)),
            threading.Thread(
                target=attempt, args=(lambda: self.journal.note(incident, "ana", key, Raw(kind_of(key), {"by": 2})),)
            ),
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(refused) == 1
        self.keys[incident].append(key)

    @rule(incident=INCIDENTS)
    def cut(self, incident: str) -> None:
        if incident in self.held:
            hold, log = self.held.pop(incident)
            with psycopg.connect(self.roles.admin_url, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 5000)", [log._session.info.backend_pid])
            with pytest.raises(JournalUnavailable, match="another process may execute it now"):
                log.append("engine", "late", Raw("note", {}))
            hold.close()

    @rule()
    def seal(self) -> None:
        self.journal.seal()
        assert self.journal.seal() == []

    @rule()
    def export(self) -> None:
        file = self.folder / f"export-{len(self.exports)}.jsonl"
        with self.journal.record() as record:
            file.write_text("\n".join(lines(record)), encoding="utf-8")
        self.exports.append(file)

    @rule()
    def retire(self) -> None:
        over = [
            incident
            for incident, keys in self.keys.items()
            # What is no longer here is not retired again for a note that came after.
            if incident not in self.gone and "closed" in keys and not keys[-1].startswith("retired/")
        ]
        assert sum(b.retired for b in retire(self.journal, self.folder, NOW, self.journal.seal)) == len(over)
        for incident in over:
            self.keys[incident].append(self.journal.read(incident)[-1].key)

    @rule(retired_just_now=st.booleans())
    def remove(self, retired_just_now: bool) -> None:
        if retired_just_now:
            self.retire()
        # Nobody executes what ended long ago.
        for incident in list(self.held):
            self.release(incident)
        found = removable(self.owner, self.folder, NOW, None)
        assert list(found.refused) == []
        for _ in self.owner.retention.remove(one.tombstone for one in found.entombed):
            pass
        for incident, keys in self.keys.items():
            graves = [n for n, key in enumerate(keys) if key.startswith("retired/")]
            if graves and incident not in self.gone:
                self.gone[incident] = graves[-1]
                del keys[: graves[-1]]

    @invariant()
    def it_verifies_and_holds_what_the_list_says(self) -> None:
        audit = Audit()
        with self.journal.record() as record:
            assert list(complaints(record, audit)) == []
            found = [(entry.incident, entry.seq, entry.key) for entry in record.entries()]
        assert found == [
            (incident, seq, key)
            for incident, keys in sorted(self.keys.items())
            for seq, key in enumerate(keys, self.gone.get(incident, 0) + 1)
        ]
        assert audit.retired == len(self.gone)


def test_it_keeps_the_record_whatever_happens(postgres18: Server, migrated: Roles) -> None:
    History.server, History.migrated = postgres18, migrated
    live_through(History, histories=8, steps=30)

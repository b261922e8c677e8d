"""The crash matrix: which points a story has, striking at each of them, and what must be true afterwards.

Which points there are is found out by an undisturbed life. An incident is struck several times, never twice within one
step's act: that would be given up, as it should.

INCIDENT_CRASH_MATRIX=FILE keeps the table: the point, the blow, and what happened.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from pydantic import SecretStr

from flows.journal import Journal, Redactor, broken
from tests.conftest import Server
from tests.flows.damage import end_sessions
from tests.flows.lives import APPLY, CUT_OFF, Blow, Life, Nursery, Point, nursery
from tests.flows.room import Room, configure

# Between two blows to one incident: as many as there are points between an intent and its outcome.
STRIDE = 4


@dataclass(frozen=True, kw_only=True)
class Story:
    """What is lived through: the lamp before it, what is done to it, and how it ends."""

    verdict: str
    # What the lamp's own log says was done, once each.
    done: tuple[str, ...]
    lamp: Mapping[str, object] = field(default_factory=dict)
    flow: str = "incident"
    runbook: str = "house/blown-fuse"
    parameters: Mapping[str, object] = field(default_factory=dict)


TWO_STEPS = Story(verdict="fixed", done=("replaced the fuse", "switched on"), lamp={"fuse": "blown"})


@dataclass(kw_only=True)
class World:
    """A room, and whoever lives in it."""

    room: Room
    nursery: Nursery
    client: Any
    admin_url: str
    # How often an undisturbed life asks.
    asked: int = 0

    def open(self, story: Story) -> str:
        """A new run of this story, with the lamp as it begins; its id is the incident's."""
        from flows.incident import incident
        from flows.maintenance import maintenance
        from flows.playbook import playbook

        room = self.room
        room.lamp.unlink(missing_ok=True)
        room.lamp.with_suffix(".log").unlink(missing_ok=True)
        room.set(lit=False, **story.lamp)
        kinds: dict[str, Any] = {flow.name: flow for flow in (incident, playbook, maintenance)}
        asked = {"runbook": story.runbook, "environment": "room", **story.parameters}
        run = self.client.create_flow_run(kinds[story.flow], parameters=asked, tags=[story.flow])
        room.incident = str(run.id)
        return room.incident

    def points(self, story: Story) -> list[Point]:
        """Every point of an undisturbed life, in its order. Two looks in a row are one."""
        trace = self.room.lamp.with_suffix(".trace")
        trace.unlink(missing_ok=True)
        assert self.nursery.live(Life(incident=self.open(story), trace=str(trace))) == 0
        self.asked = self.room.kinds().count("asked")
        self.sound(story)
        return [Point(*line.split(" ", 1)) for line in dict.fromkeys(trace.read_text().splitlines())]

    def struck(self, story: Story, blows: Sequence[Point], blow: Blow) -> Iterator[tuple[Point, str]]:
        """What happened at each of these points of one incident, and after the last one to its end.

        Raises:
            AssertionError: something that must not.
        """
        incident = self.open(story)
        for at in blows:
            ended = self.nursery.live(Life(incident=incident, at=at, blow=blow, admin_url=self.admin_url))
            assert ended == (-signal.SIGKILL if blow is Blow.KILL else 0), f"{at} was never met: {ended}"
            if blow is Blow.CUT:
                self._nothing_after(at)
            done = [what for what in story.done if self.room.count(what)]
            yield at, f"{len(self.room.entries)} entries, done so far: {', '.join(done) or 'nothing'}"
            self.schedule()
        assert self.nursery.live(Life(incident=incident)) == 0
        self.sound(story)

    def _nothing_after(self, at: Point) -> None:
        """Nothing was done once the journal was gone, but what was begun before."""
        log = self.room.lamp.with_suffix(".log").read_text().splitlines()
        after = log[len(log) - log[::-1].index(CUT_OFF) :]
        begun = at.side == "before" and at.what.startswith(APPLY)
        acts = [line for line in after if line not in ("asked", "tried") and not line.startswith("at ")]
        assert len(acts) == begun, f"done without a journal: {acts}"

    def sound(self, story: Story) -> None:
        """It ended well; its record is whole, with nothing in it twice; each thing was done, and asked, once."""
        room = self.room
        assert "closed" in room.kinds(), "it has no end"
        assert room.verdict == story.verdict, f"it ended {room.verdict}, not {story.verdict}"
        assert (complaint := broken(room.entries)) is None, complaint
        keys = [entry.key for entry in room.entries]
        assert len(keys) == len(set(keys)), f"recorded twice: {sorted({k for k in keys if keys.count(k) > 1})}"
        done = {what: room.count(what) for what in story.done}
        assert done == dict.fromkeys(story.done, 1), f"not once: {done}"
        asked = room.kinds().count("asked")
        assert asked == self.asked, f"asked {asked} times, not {self.asked}"

    def schedule(self) -> None:
        """As the recoverer does."""
        from prefect.states import AwaitingRetry

        self.client.set_flow_run_state(UUID(self.room.incident), AwaitingRetry(), force=True)

    def end_sessions(self) -> None:
        end_sessions(self.admin_url)


@contextmanager
def created(folder: Path, journal_url: str, server: Server) -> Iterator[World]:
    """A world in `folder`, its journal on `server`; Prefect's server is the one in its settings."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    lamp = folder / "lamp.json"
    config = configure(folder / "environments.toml", lamp)
    # One look that finds it green is enough here.
    config.write_text(config.read_text().replace("verification_hold_s = 0.2", "verification_hold_s = 0"))
    environment = {
        "INCIDENT_CONFIG": str(config),
        "INCIDENT_JOURNAL_URL": journal_url,
        "INCIDENT_LAB_ENVIRONMENT": "",
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
    }
    with nursery(environment) as begun, get_client(sync_client=True) as client:
        yield World(
            room=Room(lamp=lamp, journal=Journal(SecretStr(journal_url), Redactor([]))),
            nursery=begun,
            client=client,
            admin_url=urlunsplit(urlsplit(server.admin_url)._replace(path=urlsplit(journal_url).path)),
        )


def strike(world: World, story: Story, points: Sequence[Point], blow: Blow) -> None:
    """Strike at each point; every row is kept before a bad one fails the test."""
    rows: dict[Point, str] = {}
    bad = []
    for first in range(STRIDE):
        blows = points[first::STRIDE]
        try:
            for at, happened in world.struck(story, blows, blow):
                rows[at] = f"{happened}; afterwards {story.verdict}, each done once"
        except AssertionError as wrong:
            bad.append(f"{blow} {', '.join(map(str, blows))}: {wrong}; {world.room.kinds()}")
            rows |= dict.fromkeys(blows, "WRONG")
    if kept := os.environ.get("INCIDENT_CRASH_MATRIX"):
        with Path(kept).open("a") as table:
            table.writelines(f"| {story.runbook} | {at} | {blow} | {rows[at]} |\n" for at in points)
    assert not bad, "\n".join(bad)


def one_side(points: Sequence[Point]) -> list[Point]:
    """The ends of the entries, and both sides of each `apply`: between an entry's end and the next there is only
    looking, so that a blow to both sides is the same one twice."""
    return [point for point in points if point.side == "after" or point.what.startswith(APPLY)]

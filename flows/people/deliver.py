"""Messages on their way: each target has a lane of its own, so that one that never answers holds up no other."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Protocol

# How long a look waits for what it sent. A mail server that is well needs a second or two.
PROMPT_S = 10.0
# Apprise gives up a server that is silent after 15 s; one that sends a byte now and then would keep it for ever.
GIVEN_UP_S = 60.0
# The name of a thread that sends.
LANE = "lane of the post"

logger = logging.getLogger(__name__)


class Addressee(Protocol):
    """Who takes a letter. What goes to the same `id` goes one after the other; `shown` holds no secret."""

    @property
    def id(self) -> str: ...

    @property
    def shown(self) -> str: ...

    def send(self, title: str, text: str) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One message to one target, without secrets. `key` is what it is journalled under."""

    key: str
    incident: str
    target: Addressee
    title: str
    text: str
    # Whose turn it is to be told, for the record.
    role: str

    @property
    def id(self) -> str:
        return f"{self.incident}/{self.key}"


@dataclass
class Post:
    """Takes letters, and says of each whether it arrived. Used by one thread."""

    given_up_s: float = GIVEN_UP_S
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _ended: SimpleQueue[tuple[_Lane, Letter, bool]] = field(default_factory=SimpleQueue)

    def has(self, letter: str) -> bool:
        """Is the letter of that id on its way?"""
        return any(letter in lane.under_way for lane in self._lanes.values())

    def send(self, letter: Letter) -> None:
        lane = self._lanes.setdefault(letter.target.id, _Lane(self._ended))
        lane.under_way[letter.id] = letter
        lane.waiting.append(letter)

    def arrived(self, within_s: float = PROMPT_S) -> list[tuple[Letter, bool]]:
        """What became of the letters whose fate is known within that time; the others stay on their way."""
        until = time.monotonic() + within_s
        known: list[tuple[Letter, bool]] = []
        for lane in self._lanes.values():
            lane.go()
        while any(lane.under_way for lane in self._lanes.values()) and (left := until - time.monotonic()) > 0:
            try:
                lane, letter, arrived = self._ended.get(timeout=left)
            except Empty:
                break
            # A lane that was given up may speak up later: its letters have been sent anew.
            if lane in self._lanes.values():
                del lane.under_way[letter.id]
                known.append((letter, arrived))
        return [*known, *self._given_up()]

    def _given_up(self) -> list[tuple[Letter, bool]]:
        stuck = {name: lane for name, lane in self._lanes.items() if lane.busy_s > self.given_up_s}
        for name, lane in stuck.items():
            lane.waiting.clear()
            del self._lanes[name]
        return [(letter, False) for lane in stuck.values() for letter in lane.under_way.values()]


@dataclass(eq=False)
class _Lane:
    """The letters to one target, one after the other, in a thread that ends with the last."""

    ended: SimpleQueue[tuple[_Lane, Letter, bool]]
    waiting: deque[Letter] = field(default_factory=deque)
    under_way: dict[str, Letter] = field(default_factory=dict)
    began: float = 0.0
    thread: threading.Thread | None = None

    @property
    def busy_s(self) -> float:
        """For how long the letter that is being sent has been on its way; 0 while none is."""
        began = self.began
        return time.monotonic() - began if began else 0.0

    def go(self) -> None:
        if self.waiting and (self.thread is None or not self.thread.is_alive()):
            self.thread = threading.Thread(target=self._run, name=LANE, daemon=True)
            self.thread.start()

    def _run(self) -> None:
        while self.waiting:
            letter, self.began = self.waiting.popleft(), time.monotonic()
            arrived = _send(letter)
            # One whose fate is known waits to be read, and is not given up for what it waits.
            self.began = 0.0
            self.ended.put((self, letter, arrived))


def _send(letter: Letter) -> bool:
    try:
        return letter.target.send(letter.title, letter.text)
    except Exception as error:  # noqa: BLE001 - whatever Apprise trips over, it did not arrive
        # Its text may quote the address, which holds a secret.
        logger.warning("%s: %s while sending", letter.target.shown, type(error).__name__)
        return False

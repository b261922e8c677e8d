"""A heartbeat to Better Stack, Healthchecks or whoever else takes one: it stops when schedules begin nothing any more.

Its address is a secret, for whoever knows it can say that we are well.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from tasks.model import CannotLook, Json
from tasks.web.door import Door
from tasks.web.exchange import Limits, Place

# The shortest period that Better Stack takes is 30 s; a lost beat is no alarm with any grace at all.
EVERY_S = 30.0
# Whoever tells the troubles of schedules waits for it.
LIMITS = Limits(total_s=5, redirects=0, attempts=2)

# It writes addresses.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass
class Heartbeat:
    """Beats when it is asked to, and not more often than every half a minute."""

    url: SecretStr
    say: Callable[[str], object]
    clock: Callable[[], float] = time.monotonic
    next_s: float = 0.0
    fails: bool = False

    def beat(self) -> None:
        """Say that all is well."""
        if self.clock() < self.next_s:
            return
        self.next_s = self.clock() + EVERY_S
        try:
            self._door.get()
        except CannotLook as error:
            # Once: what watches the heartbeat tells it by itself.
            if not self.fails:
                self.say(f"The heartbeat does not arrive. {error.says} {error.remedy}")
            self.fails = True
            return
        self.fails = False

    @property
    def _door(self) -> Door:
        return Door(place=Place(base=self.url.get_secret_value(), limits=LIMITS), words=_words)


def _words(_status: int, _body: Json) -> CannotLook | None:
    return None

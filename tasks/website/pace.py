"""How long an endpoint takes, measured a few times in a row."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tasks.model import CannotLook, Refused
from tasks.website.expected import wrong
from tasks.website.system import Endpoint, Website
from tasks.website.walk import led_to


@dataclass(frozen=True)
class Pace:
    """What was measured, in seconds; `given_up` of it were not answered by then. `wrong`: of the rest, the last one."""

    took_s: tuple[float, ...]
    given_up: int = 0
    wrong: str = ""


def timed(website: Website, endpoint: Endpoint, until: float) -> Pace:
    """Ask `Website.samples` times, as far as there is time until `until`, of time.monotonic()."""
    took: list[float] = []
    given_up, said = 0, ""
    for _ in range(website.samples):
        begun = time.monotonic()
        if begun + website.limit_s > until and took:
            break  # what is cut off by our own end says nothing
        try:
            answer, trouble = led_to(website, endpoint, until)
        except CannotLook as error:
            waited = time.monotonic() - begun
            if waited >= 0.95 * website.limit_s and not isinstance(error, Refused):
                took.append(waited)
                given_up += 1
            said = endpoint.hidden_in(error.says)
            continue
        if trouble or (trouble := wrong(endpoint, answer)):
            said = trouble
        else:
            took.append(answer.took_s if endpoint.redirects_to is None else time.monotonic() - begun)
    return Pace(tuple(took), given_up, said)

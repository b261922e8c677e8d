"""Many small questions of one kind, in a few lanes: each is one connection, which costs more than what it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from tasks.model import CannotLook
from tasks.together import WITHIN_S, together

K = TypeVar("K")
T = TypeVar("T")

LANES = 4
# So few are asked one after the other, over the connection that is there.
FEW = 6


def each(asked: Sequence[K], ask: Callable[[K], T]) -> list[tuple[K, T | CannotLook]]:
    """What is answered for each, or why not, in the order given; within 8.5 s, whatever hangs.

    Raises:
        Exception: what was raised that is no CannotLook.
    """
    until = time.monotonic() + WITHIN_S
    if len(asked) <= FEW:
        return _one_after_the_other(asked, ask, until)
    lanes = [range(lane, len(asked), LANES) for lane in range(LANES)]
    questions = {
        lane.start: partial(_one_after_the_other, [asked[at] for at in lane], ask, until) for lane in lanes if len(lane)
    }
    told = together(questions, until=until)
    found: dict[int, tuple[K, T | CannotLook]] = {}
    for lane in lanes:
        answers = told.get(lane.start)
        for place, at in enumerate(lane):
            found[at] = answers[place] if isinstance(answers, list) else (asked[at], _late())
    return [found[at] for at in range(len(asked))]


def _one_after_the_other(asked: Sequence[K], ask: Callable[[K], T], until: float) -> list[tuple[K, T | CannotLook]]:
    answers: list[tuple[K, T | CannotLook]] = []
    for one in asked:
        if time.monotonic() >= until:
            answers.append((one, _late()))
            continue
        try:
            answers.append((one, ask(one)))
        except CannotLook as error:
            answers.append((one, error))
    return answers


def _late() -> CannotLook:
    return CannotLook("There was no time left to ask for it.")

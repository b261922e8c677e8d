"""Many questions put at the same time, with one end for all of them."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from tasks.kept import one_question
from tasks.model import CannotLook

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")

# Below what a question has (`Check.limit`), and short enough that a person waits for it.
WITHIN_S = 8.5
AT_ONCE = 16


def together(
    questions: Mapping[K, Callable[[], T]], *, until: float, at_once: int = AT_ONCE
) -> dict[K, T | CannotLook]:
    """What each question answers, or why it does not. Returns by `until`, of time.monotonic(), whatever hangs.

    A thread that hangs (in the resolver, which nobody can interrupt) is left behind; what had no turn says so. Each
    thread keeps its own connections.

    Raises:
        Exception: what a question raised that is no CannotLook.
    """
    waiting, lock = iter(list(questions.items())), threading.Lock()
    answers: dict[K, T | CannotLook] = {}
    crashed: list[BaseException] = []

    def work() -> None:
        while time.monotonic() < until:
            with lock:
                key, ask = next(waiting, (None, None))
            if key is None or ask is None:
                return
            try:
                with one_question():
                    answers[key] = ask()
            except CannotLook as error:
                answers[key] = error
            except BaseException as error:  # noqa: BLE001 - handed over to the asking thread, which raises it
                crashed.append(error)
                return

    # Each in a copy of this one's context: what was heard in this round is heard there, too.
    contexts = [contextvars.copy_context() for _ in range(min(at_once, len(questions)))]
    threads = [threading.Thread(target=context.run, args=(work,), daemon=True) for context in contexts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if crashed:
        raise crashed[0]
    told = dict(answers)
    return {key: told.get(key, CannotLook("It did not answer in the time there is for all.")) for key in questions}


def both(first: Callable[[], A], second: Callable[[], B], *, until: float) -> tuple[A, B]:
    """What two questions answer that are put at the same time.

    Raises:
        CannotLook: one of them does not answer by `until`. Whatever else one raises passes through.
    """
    asked: dict[int, Callable[[], Any]] = {1: first, 2: second}
    told: dict[int, Any] = together(asked, until=until)
    for answer in told.values():
        if isinstance(answer, CannotLook):
            raise answer
    return told[1], told[2]

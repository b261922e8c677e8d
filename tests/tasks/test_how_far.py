"""Progress: told while it works, silent by default, never in the way."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable

import pytest

from tasks import how_far
from tasks.how_far import Progress, told_to, watched
from tasks.model import CannotLook

RUN = contextvars.ContextVar("run", default="")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(how_far, "EVERY_S", 0.001)


def steps(*answers: str) -> tuple[Callable[[], Progress | None], threading.Event]:
    """A look that gives one answer after the other, and then says so: '' sees nothing, '!' has no answer."""
    left, done = list(answers), threading.Event()

    def look() -> Progress | None:
        if not left:
            done.set()
            return None
        says = left.pop(0)
        if says == "!":
            raise CannotLook("The server restarts.")
        return Progress(says=says) if says else None

    return look, done


def test_it_tells_each_change_once_and_leaves_out_what_it_cannot_see() -> None:
    told: list[str] = []
    look, done = steps("a", "a", "", "!", "b")

    with told_to(lambda now: told.append(now.says)), watched(look):
        assert done.wait(60)

    assert told == ["a", "b"]


def test_it_does_not_even_look_when_nobody_listens() -> None:
    with watched(lambda: pytest.fail("it looked")):
        time.sleep(0.02)


def test_it_is_silent_after_the_work_ended() -> None:
    """A look that was under way when the work ended would tell of it as if it still went on."""
    told: list[str] = []
    looking, ended = threading.Event(), threading.Event()

    def look() -> Progress:
        looking.set()
        assert ended.wait(60)
        return Progress(says="late")

    def work() -> None:
        with told_to(lambda now: told.append(now.says)), watched(look):
            assert looking.wait(60)
            threading.Timer(0.05, ended.set).start()

    work()

    assert told == []
    assert "progress" not in [thread.name for thread in threading.enumerate()]


def test_it_ends_with_the_work_whatever_becomes_of_that() -> None:
    with pytest.raises(RuntimeError), told_to(print), watched(lambda: None):
        raise RuntimeError

    assert "progress" not in [thread.name for thread in threading.enumerate()]


def test_the_listener_knows_what_the_working_thread_knows() -> None:
    RUN.set("incident 7")
    heard: list[str] = []
    look, done = steps("a")

    with told_to(lambda _: heard.append(RUN.get())), watched(look):
        assert done.wait(60)

    assert heard == ["incident 7"]

"""What interrupts a program in the foreground."""

from __future__ import annotations

import signal

import pytest

from deployments.interrupts import interruptible, put_off


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_that_is_put_off_comes_at_the_end(number: signal.Signals) -> None:
    reached = False
    with interruptible(), pytest.raises(KeyboardInterrupt), put_off():  # noqa: PT012 - the end of the block raises
        signal.raise_signal(number)
        reached = True
    assert reached


def test_the_second_one_comes_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), put_off():  # noqa: PT012 - what must not be reached is the point
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it was put off, too")


def test_nothing_comes_when_nothing_interrupted() -> None:
    before = signal.getsignal(signal.SIGINT)
    with put_off():
        pass
    assert signal.getsignal(signal.SIGINT) is before

"""Errors without secrets: Prefect keeps an error's text in its states, events and logs, for every login to read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flows.journal import Redactor
from tasks.model import CannotLook, Refused


class Cleaned(Exception):
    """An error whose own text held a secret: its kind, and its text without."""


def clean(error: Exception, redact: Redactor) -> Exception:
    """The same error if nothing in it has to be hidden; otherwise one that says the same without."""
    said = [str(part) for part in _chain(error)]
    if isinstance(error, CannotLook):
        kind = Refused if isinstance(error, Refused) else CannotLook
        says, remedy = redact.text(error.says), redact.text(error.remedy)
        hidden = (says, remedy) != (error.says, error.remedy) or any(redact.text(text) != text for text in said)
        return kind(says, remedy) if hidden else error
    if all(redact.text(text) == text for text in said):
        return error
    return Cleaned(f"{type(error).__name__}: {redact.text(str(error))}")


@contextmanager
def cleaned(redact: Redactor) -> Iterator[None]:
    """What is raised inside the block leaves it clean."""
    try:
        yield
    except Exception as error:
        kept = _kept(error, redact)
        if kept is error:
            raise
        raise kept from None


def _kept(error: Exception, redact: Redactor) -> Exception:
    try:
        return clean(error, redact)
    except Exception:  # noqa: BLE001 - whatever the redactor trips over: what it has not cleaned is not shown
        return Cleaned(f"{type(error).__name__}: its text could not be cleaned of secrets, and is not shown.")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that a traceback would show before it."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

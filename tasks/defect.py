"""Code that we call and did not write: what it raises is its system's silence, or a defect of a file that is named."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tasks.model import CannotLook, Refused

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
ROOMS = frozenset({"tasks", "runbooks", "flows", "deployments"})
# By name: their packages are for the doors alone.
FAILED_CONNECTIONS = frozenset({"httpx.HTTPError", "psycopg.OperationalError"})
LIBRARIES = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


class Defect(Refused):
    """A check, an action or a system raised what it should not have. Asking again mends no file."""


# Who else hears of a defect, besides whoever asked (flows/run/health.py).
listeners: list[Callable[[Defect], object]] = []


@dataclass(frozen=True)
class Line:
    """A line of our code or of the team's."""

    file: Path
    number: int

    @property
    def ours(self) -> bool:
        return self.file.is_relative_to(ROOT) and self.file.relative_to(ROOT).parts[0] in ROOMS

    @property
    def place(self) -> str:
        """The file as people name it, the same on every machine: systems/crm/actions.py."""
        return "/".join(self.file.parts[-3:])

    def __str__(self) -> str:
        return f"{self.place}, line {self.number}"


def line_of(error: BaseException) -> Line | None:
    """Where `error` was raised: the innermost line of the team's, for it may have asked ours for nonsense; or of ours.

    None: neither has a part in it.
    """
    lines = [line for line in _lines(error) if line.ours or not _of_a_library(line.file)]
    return next((line for line in lines if not line.ours), next(iter(lines), None))


def told(error: BaseException) -> str:
    """What it is, what it says, and where it was raised."""
    line = line_of(error)
    # Python adds the line to what a SyntaxError says, under another name.
    says = error.msg if isinstance(error, SyntaxError) else error
    return f"{type(error).__name__}: {says}" + (f" ({line})" if line else "")


def _lines(error: BaseException) -> Iterator[Line]:
    """The innermost first."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        yield Line(Path(error.filename), error.lineno)
    frames = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(error.__traceback__)]
    yield from (Line(Path(name), number) for name, number in reversed(frames))


def _of_a_library(file: Path) -> bool:
    # Without .py: what Python makes up (<frozen …>), and the script that starts `incident`.
    return file.suffix != ".py" or any(file.is_relative_to(folder) for folder in LIBRARIES)


def called(fn: Callable[..., T], /, **given: object) -> T:
    """What `fn` answers.

    Raises:
        CannotLook: as `in_our_words` says.
    """
    with in_our_words(fn.__qualname__.rpartition("<locals>.")[2]):
        return fn(**given)


@contextmanager
def in_our_words(what: str) -> Iterator[None]:
    """Inside the block runs somebody's `what`.

    Raises:
        CannotLook: its own; or a connection was refused, lost, or not answered: that may pass.
        Defect: it raised anything else; file and line are named.
    """
    try:
        yield
    except CannotLook:
        raise
    except (Exception, SystemExit) as error:  # it may raise anything, and the others must still get their turn
        if _unanswered(error):
            remedy = "Look whether it is up, and can be reached from where this runs."
            raise CannotLook(f"{what}: the system did not answer as it should: {told(error)}.", remedy) from error
        defect = Defect(f"{what} crashed: {told(error)}.", _mend(line_of(error)))
        defect.__cause__ = error
        for heard in listeners:
            heard(defect)
        raise defect from error


def _mend(line: Line | None) -> str:
    if line is None or line.ours:
        return "This is a defect of `incident`, not of your system. Please report it, with this line."
    return f"This is a defect of {line.place}, not of your system, and not of `incident`. Mend it there."


def _unanswered(error: BaseException | None) -> bool:
    """Did a connection fail, whatever a library made of that?"""
    while error is not None:
        # With a name it is about a file.
        if isinstance(error, OSError) and error.filename is None:
            return True
        if FAILED_CONNECTIONS.intersection(f"{cls.__module__}.{cls.__name__}" for cls in type(error).__mro__):
            return True
        # A NameError in what handles a refused connection is still a NameError; a library's own error stands for it.
        own = type(error).__module__ == "builtins"
        error = error.__cause__ or (None if own or error.__suppress_context__ else error.__context__)
    return False

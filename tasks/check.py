"""@check: how a question becomes a Prefect task, said once."""

from __future__ import annotations

import contextvars
import inspect
import threading
import time
import typing
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, cast, overload

from tasks.defect import called
from tasks.environment import Environment
from tasks.kept import one_question
from tasks.model import CannotLook, Earlier, Finding, Refused, Row, Threshold
from tasks.parameters import systems_of, thresholds_of
from tasks.system import System

if TYPE_CHECKING:
    from prefect import Task

P = ParamSpec("P")

# Asked again is what failed soon. A system that hangs would hang again, and everybody waits for the last answer: ten
# seconds in all are what whoever is on call is asked to wait.
AGAIN_WITHIN_S = 4.0


class InvalidCheck(Exception):
    """A check contradicts itself; the message says where and how to mend it."""


@dataclass(frozen=True, eq=False)
class Check(Generic[P]):
    """A read-only question to a system, answered by one Finding.

    `limit` bounds one attempt; doors carry their own, shorter limits, this one catches what they miss.
    """

    fn: Callable[P, Finding]
    limit: timedelta = timedelta(seconds=20)
    retries: int = 2

    @property
    def name(self) -> str:
        return self.fn.__name__

    @property
    def question(self) -> str:
        """The docstring's first line."""
        return inspect.cleandoc(self.fn.__doc__ or "").splitlines()[0]

    @property
    def notes(self) -> str:
        """The rest of the docstring: what is left out, and why."""
        return "\n".join(inspect.cleandoc(self.fn.__doc__ or "").splitlines()[1:]).strip()

    @property
    def systems(self) -> dict[str, type[System]]:
        return systems_of(self.fn)

    @property
    def thresholds(self) -> dict[str, Threshold]:
        """The declared limits, by parameter name."""
        return thresholds_of(self.fn)

    def lacks(self, there: Iterable[type[System]]) -> tuple[str, ...]:
        """The kinds of system it asks of which there is none at all."""
        kinds = tuple(there)
        return tuple(one.kind for one in self.systems.values() if not any(issubclass(kind, one) for kind in kinds))

    def arguments(
        self, environment: Environment, earlier: Earlier | None = None, given: Row | None = None
    ) -> dict[str, Any]:
        """What `fn` is called with there: systems by type, the environment's limits, and, if it asks for them by name,
        the earlier answer and the environment's `time_zone`, in which people mean "yesterday".

        Of `given`, what a person filled in for a playbook, it gets what it takes by name.

        Raises:
            Refused: a system it needs is not configured; the remedy holds the lines to add.
        """
        filled: dict[str, Any] = dict(environment.supply(self.fn))
        filled |= environment.limits(self.name, self.fn)
        taken = inspect.signature(self.fn).parameters
        filled |= {name: value for name, value in (given or {}).items() if name in taken and name not in filled}
        if "earlier" in taken:
            filled["earlier"] = earlier
        if "time_zone" in taken:
            filled["time_zone"] = environment.time_zone
        return filled

    def ask(self, environment: Environment, earlier: Earlier | None = None, given: Row | None = None) -> Finding:
        """One attempt within `limit`.

        Raises:
            CannotLook: the system did not let itself be asked, or did not answer in time.
            Defect: `fn` crashed.
        """
        arguments = self.arguments(environment, earlier, given)

        def answered() -> Finding:
            with one_question():
                # `check_declared` saw to it that these are its arguments.
                return called(cast("Callable[..., Finding]", self.fn), **arguments)

        return within(self.limit, answered)

    def task(
        self,
        environment: Environment,
        earlier: Earlier | None = None,
        given: Row | None = None,
        *,
        cleaned: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Task[[], Finding]:
        """This question, put to `environment`, as a Prefect task: retried when asking again may help, never cached.

        The task takes no parameters, so that no system with its secrets is handed to Prefect. For the same reason it
        is asked inside `cleaned`, which takes secrets out of what is raised.
        """
        from prefect import task
        from prefect.cache_policies import NO_CACHE

        put = _Put(self, environment, earlier, given, cleaned)
        return task(
            name=self.name,
            task_run_name=self.name,
            description=self.question,
            retries=self.retries,
            retry_delay_seconds=1,
            retry_condition_fn=put.again,
            cache_policy=NO_CACHE,
            persist_result=False,
            # No tags: for each, Prefect asks its server whether a concurrency limit holds the task up, which took as
            # long as the question itself.
        )(put)


@dataclass(slots=True)
class _Put:
    """A question with all it is asked with. No function: Prefect would read the source file of each, for each."""

    asked: Check[Any]
    environment: Environment
    earlier: Earlier | None
    given: Row | None
    cleaned: Callable[[], AbstractContextManager[None]]
    # Of time.monotonic(), when it was asked first.
    first_s: float | None = None

    def __call__(self) -> Finding:
        if self.first_s is None:
            self.first_s = time.monotonic()
        with self.cleaned():
            return self.asked.ask(self.environment, self.earlier, self.given)

    def again(self, task: object, run: object, state: Any) -> bool:
        """Is it to be asked once more? As Prefect calls it."""
        took_s = time.monotonic() - self.first_s if self.first_s is not None else 0.0
        return took_s < AGAIN_WITHIN_S and _may_pass(task, run, state)


def _may_pass(_task: object, _run: object, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, CannotLook) and not isinstance(error, Refused)


def within(limit: timedelta, ask: Callable[[], Finding]) -> Finding:
    """Ask in a thread that can be left behind: Python cannot interrupt a blocking call.

    Raises:
        CannotLook: no answer within `limit`. Whatever else `ask` raises passes through.
    """
    box: list[Finding | BaseException] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            box.append(context.run(ask))
        except BaseException as error:  # noqa: BLE001 - handed over to the asking thread, which raises it
            box.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit.total_seconds())
    if not box:
        raise CannotLook(f"It did not answer within {limit.total_seconds():g} s.")
    if isinstance(box[0], BaseException):
        raise box[0]
    return box[0]


@overload
def check(fn: Callable[P, Finding], /) -> Check[P]: ...
@overload
def check(*, limit: timedelta = ..., retries: int = ...) -> Callable[[Callable[P, Finding]], Check[P]]: ...
def check(fn: Callable[P, Finding] | None = None, /, **settings: Any) -> Any:
    """Declare a question. Its name starts with `check_`, its docstring's first line is the question.

    Raises:
        InvalidCheck: the name, the question, or a parameter nobody could fill.
    """
    if fn is None:
        return lambda decorated: check_declared(Check(decorated, **settings))
    return check_declared(Check(fn, **settings))


def check_declared(asked: Check[P]) -> Check[P]:
    """Refuse a check that could not be asked."""
    where = f"{asked.fn.__module__}: {asked.name}"
    if not asked.name.startswith("check_"):
        raise InvalidCheck(f"{where}: a check's name starts with 'check_'.")
    if not (asked.fn.__doc__ or "").strip() or not asked.question.endswith("?"):
        raise InvalidCheck(f"{where}: the docstring's first line must be the question and end in '?'.")
    hints = typing.get_type_hints(asked.fn)
    for parameter in inspect.signature(asked.fn).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InvalidCheck(
                f"{where}: the parameter {parameter.name!r} cannot be given by name. Write it without '*' or '/'."
            )
        if parameter.name in asked.systems or parameter.default is not parameter.empty:
            continue
        raise InvalidCheck(
            f"{where}: nobody fills the parameter {parameter.name!r} ({hints.get(parameter.name, 'no type')}). "
            "Give it a default, or the type of a System."
        )
    return asked

"""Ask all questions of a runbook at once; every answer is recorded as it comes.

What is returned and shown is in the order in which the questions are declared, run after run.
"""

from __future__ import annotations

import concurrent.futures
import contextvars
from collections.abc import Callable, Iterable

from flows.case.bodies import found_by
from flows.case.case import Case
from flows.run.clean import Cleaned, cleaned
from runbooks.model import AnyCheck, Declared
from tasks.environment import Environment
from tasks.kept import one_round
from tasks.model import CannotLook, Finding, Row, Verdict

# More questions than any runbook asks: none waits for another one's answer.
AT_ONCE = 128


def diagnose(case: Case, only: Callable[[AnyCheck], bool] = lambda _asked: True) -> dict[AnyCheck, Finding]:
    """The findings of all checks, or of `only` some. What the journal already holds is not asked again."""
    recorded = case.diagnosed()
    missing = [asked for asked in case.runbook.first_asked if only(asked) and asked not in recorded]

    said: set[str] = set()

    def keep(asked: AnyCheck, finding: Finding) -> None:
        case.record(f"diagnosis/{asked.name}", found_by(finding))
        # What an environment does not have is said once, however many questions would ask it.
        if (line := f"{finding.verdict.name}: {finding.says}") not in said:
            said.add(line)
            case.say(line)

    found = ask_all(case, missing, keep)
    if found:
        case.measure(found)
    return case.diagnosed()


def ask_all(
    case: Case, checks: Iterable[AnyCheck], heard: Callable[[AnyCheck, Finding], None] | None = None
) -> dict[AnyCheck, Finding]:
    """Ask in parallel, each as a Prefect task with its own retries; `heard` gets every answer as it comes."""
    with one_round():
        return _asked_all(case, list(checks), heard)


def _asked_all(
    case: Case, wanted: list[AnyCheck], heard: Callable[[AnyCheck, Finding], None] | None
) -> dict[AnyCheck, Finding]:
    from prefect.futures import as_completed

    # All at once: a session for each would keep the last question waiting for the first ones' answers.
    before = case.journal.earlier(case.environment.name, [asked.name for asked in wanted])
    futures = {
        asked.task(
            case.environment, before.get(asked.name), case.filled(asked.fn), cleaned=lambda: cleaned(case.redact)
        ).submit(): asked  # one task run each, visible in the UI
        for asked in wanted
    }
    found: dict[AnyCheck, Finding] = {}
    for future in as_completed(list(futures)):
        finding = answer(futures[future], future.result(raise_on_failure=False))
        found[futures[future]] = finding
        if heard:
            heard(futures[future], finding)
    return {asked: found[asked] for asked in wanted}


def answer(asked: AnyCheck, result: object) -> Finding:
    """A finding, whatever became of the question: one that crashed is UNKNOWN, and the others still answer."""
    if isinstance(result, Finding):
        return result
    if isinstance(result, CannotLook):
        return Finding.unknown(result.says, remedy=result.remedy)
    said = str(result) if isinstance(result, Cleaned) else f"{type(result).__name__}: {result}"
    return Finding.unknown(
        f"{asked.name} crashed: {said}",
        remedy="This is a defect of the check, not of your system. Run `incident doctor`, then report it.",
    )


def look(
    runbook: Declared, environment: Environment, heard: Callable[[AnyCheck, Finding], None], given: Row | None = None
) -> dict[str, Finding]:
    """The diagnosis without a record and without Prefect, for `--plan-only`: one attempt each, in parallel.

    `heard` gets an answer once those declared before it are there.
    """
    found: dict[str, Finding] = {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(runbook.first_asked)) as pool, one_round():
        futures = {
            asked: pool.submit(contextvars.copy_context().run, asked.ask, environment, given=given)
            for asked in runbook.first_asked
        }
        for asked, future in futures.items():
            finding = answer(asked, future.exception() or future.result())
            found[asked.name] = finding
            heard(asked, finding)
    return found


def worst(findings: Iterable[Finding]) -> Verdict:
    return max((finding.verdict for finding in findings), default=Verdict.UNKNOWN)

"""A round of watches: one environment's checks of one cadence, asked at once; a BAD answer opens its runbook, once.

Of missed rounds only the last is made up, and the others end as Skipped. One watch is paused by its environment's
`paused_watches`, a whole round by its schedule in Prefect.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.journal import Asked, Journal
from flows.keepers.blind import blind_chains, heed
from flows.life.diagnose import AT_ONCE, answer
from flows.opening.door import open_once
from flows.run import settings
from flows.run.clean import cleaned
from flows.run.missed import overtaken
from runbooks.catalog import Catalog, watch_name
from runbooks.model import AnyCheck, Watch
from tasks.environment import Environment
from tasks.model import Finding, Verdict


class NothingWatched(Exception):
    """Nothing is declared to be watched so often."""


class RoundBroken(Exception):
    """What was found could not be recorded, or its runbook could not be opened; the other watches were."""


@flow(
    name="watch",
    flow_run_name="every {every_s:g} s in {environment}",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
    persist_result=False,
)
def watch(environment: str, every_s: float) -> State[Any]:
    """Ask all that is watched so often; open the runbook of each BAD answer, unless an incident of it is open there."""
    late = overtaken()
    if late is not None:
        said = f"Missed by {late.total_seconds():.0f} s; a later round asks the same."
        return Completed(name="Skipped", message=said)
    config = settings.config()
    known = settings.catalog(config)
    place = settings.environment(config, known, environment)
    return _state(_ask(place, settings.journal(place), _watched(known, place, every_s)))


def _state(said: Sequence[tuple[Verdict, str]]) -> State[Any]:
    """Green in Prefect only where every watch could look: of what nobody sees, nothing is known to be well."""
    if not said:
        return Completed(message="Nothing to ask: paused here, or not configured.")
    numbers = sorted(Counter(verdict for verdict, _ in said).items(), reverse=True)
    message = f"{len(said)} watched: {', '.join(f'{number} {verdict.name}' for verdict, number in numbers)}."
    unseen = [sentence for verdict, sentence in said if verdict is Verdict.UNKNOWN]
    if not unseen:
        return Completed(message=message)
    return Failed(name="CannotLook", message="\n".join([message, *unseen]))


def _watched(known: Catalog, place: Environment, every_s: float) -> dict[AnyCheck, list[tuple[str, Watch]]]:
    """What is asked in this round, each with the runbooks that it opens; of systems that are there, and not paused."""
    every = timedelta(seconds=every_s)
    declared = [(slug, watch) for slug, watch in known.watches() if watch.every == every]
    if not declared:
        often = ", ".join(sorted({f"{watch.every.total_seconds():g}" for _, watch in known.watches()}, key=float))
        raise NothingWatched(f"Nothing is watched every {every_s:g} s. There are rounds every {often} s.")
    found: dict[AnyCheck, list[tuple[str, Watch]]] = defaultdict(list)
    for slug, watch in declared:
        if watch_name(slug, watch) not in place.paused_watches and not watch.check.lacks(place.kinds):
            found[watch.check].append((slug, watch))
    return found


def _ask(
    place: Environment, journal: Journal, watched: Mapping[AnyCheck, Sequence[tuple[str, Watch]]]
) -> list[tuple[Verdict, str]]:
    """Each as a task of its own; what one finds is dealt with at once, whatever becomes of the others."""
    from prefect.futures import as_completed

    redact = settings.redactor(place)
    before = journal.earlier(place.name, [asked.name for asked in watched])
    chains = blind_chains(journal, place.name)
    futures = {
        asked.task(place, before.get(asked.name), cleaned=lambda: cleaned(redact)).submit(): asked for asked in watched
    }
    answers, broken = [], []
    for future in as_completed(list(futures)):
        asked = futures[future]
        finding = answer(asked, future.result(raise_on_failure=False))
        said = redact.text(f"{finding.verdict.name}: {finding.says}")
        get_run_logger().info("%s: %s", asked.name, said)
        answers.append((finding.verdict, redact.text(f"{asked.name}: {finding.says} {finding.remedy}".strip())))
        after = min(watch.told_after for _, watch in watched[asked])
        attempts: list[Callable[[], object]] = [
            partial(heed, journal, place.name, asked.name, finding, after, chains),
            *_consequences(place, journal, asked, finding, [slug for slug, _ in watched[asked]], said),
        ]
        for attempt in attempts:
            try:
                attempt()
            except Exception as error:  # noqa: BLE001 - told below, after the other watches had their turn
                broken.append(f"{asked.name}: {redact.text(f'{type(error).__name__}: {error}')}")
    if broken:
        raise RoundBroken("\n".join(broken))
    return answers


def _consequences(
    place: Environment, journal: Journal, asked: AnyCheck, finding: Finding, runbooks: Sequence[str], said: str
) -> Iterator[Callable[[], object]]:
    """What follows from a finding; each is tried, whatever becomes of the others."""
    yield partial(journal.measure, place.name, None, {asked.name: finding})
    if finding.verdict is Verdict.BAD:
        for runbook in runbooks:
            wanted = Asked(runbook=runbook, environment=place.name, actor="watch", reason=said)
            yield partial(open_once, journal, wanted)

"""A round of watches: one environment's checks of one cadence, asked at once; a BAD answer opens its runbook, once.

Of missed rounds only the last is made up, and the others end as Skipped. One watch is paused by its environment's
`paused_watches`, or for a while by `incident watch pause`; a whole round by its schedule in Prefect. An OK answer tells
the incidents that watches alone opened, and that wait because of the same question.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
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
from flows.opening import recovered
from flows.opening.door import open_once
from flows.opening.held import paused, quiet_until
from flows.run import settings
from flows.run.clean import cleaned
from flows.run.clock import now
from flows.run.missed import overtaken
from flows.run.planned import SKIPPED
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
        return Completed(name=SKIPPED, message=said)
    config = settings.config()
    known = settings.catalog(config)
    place = settings.environment(config, known, environment)
    return _state(_Round(place, settings.journal(place), known, every_s).ask())


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


class _Round:
    """One round, and what it knows before it asks."""

    def __init__(self, place: Environment, journal: Journal, known: Catalog, every_s: float) -> None:
        self.place, self.journal, self.known = place, journal, known
        self.redact = settings.redactor(place)
        self.watched = self._watched(every_s)
        names = [asked.name for asked in self.watched]
        self.before = journal.earlier(place.name, names)
        self.blind = blind_chains(journal, place.name)
        most = max((one.settle.of for watches in self.watched.values() for _, one in watches), default=1) - 1
        self.looks = journal.looks(place.name, names, most) if most else {}
        slugs = {slug for watches in self.watched.values() for slug, _ in watches}
        self.open = journal.openings.open_of(place.name, slugs)

    def _watched(self, every_s: float) -> dict[AnyCheck, list[tuple[str, Watch]]]:
        """What is asked, each with the runbooks that it opens; of systems that are there, and not paused."""
        every = timedelta(seconds=every_s)
        declared = [(slug, watch) for slug, watch in self.known.watches() if watch.every == every]
        if not declared:
            often = sorted({watch.every.total_seconds() for _, watch in self.known.watches()})
            there = ", ".join(f"{seconds:g}" for seconds in often)
            raise NothingWatched(f"Nothing is watched every {every_s:g} s. There are rounds every {there} s.")
        left_out = paused(self.journal, self.place)
        found: dict[AnyCheck, list[tuple[str, Watch]]] = defaultdict(list)
        for slug, watch in declared:
            if watch_name(slug, watch) not in left_out and not watch.check.lacks(self.place.kinds):
                found[watch.check].append((slug, watch))
        return found

    def ask(self) -> list[tuple[Verdict, str]]:
        """Each as a task of its own; what one finds is dealt with at once, whatever becomes of the others."""
        from prefect.futures import as_completed

        futures = {
            asked.task(self.place, self.before.get(asked.name), cleaned=lambda: cleaned(self.redact)).submit(): asked
            for asked in self.watched
        }
        answers, broken = [], []
        for future in as_completed(list(futures)):
            asked = futures[future]
            finding = answer(asked, future.result(raise_on_failure=False))
            said = self.redact.text(f"{asked.name}: {finding.says} {finding.remedy}".strip())
            answers.append((finding.verdict, said))
            for attempt in self._consequences(asked, finding):
                try:
                    attempt()
                except Exception as error:  # noqa: BLE001 - told below, after the other watches had their turn
                    broken.append(f"{asked.name}: {self.redact.text(f'{type(error).__name__}: {error}')}")
        if broken:
            raise RoundBroken("\n".join(broken))
        return answers

    def _consequences(self, asked: AnyCheck, finding: Finding) -> Iterator[Callable[[], object]]:
        """What follows from a finding; each is tried, whatever becomes of the others."""
        said = self.redact.text(f"{finding.verdict.name}: {finding.says}")
        get_run_logger().info("%s: %s", asked.name, said)
        name, watches = self.place.name, self.watched[asked]
        after = min(watch.told_after for _, watch in watches)
        yield partial(heed, self.journal, name, asked.name, finding, after, self.blind)
        yield partial(self.journal.measure, name, None, {asked.name: finding})
        for slug, watch in watches:
            if finding.verdict is Verdict.BAD and not self._held(asked, slug, watch):
                wanted = Asked(runbook=slug, environment=name, actor="watch", reason=said)
                yield partial(open_once, self.journal, wanted)
            if finding.verdict is Verdict.OK:
                yield from (
                    partial(recovered.tell, self.journal, run, self.known.get(slug).runbook, asked.name, said)
                    for opened, run in self.open
                    if opened == slug
                )

    def _held(self, asked: AnyCheck, slug: str, watch: Watch) -> bool:
        """Does a BAD answer open nothing yet? The next round asks again."""
        before = [look.verdict for look in self.looks.get(asked.name, ())]
        if not watch.settle.reached([Verdict.BAD, *before]):
            get_run_logger().info("%s: not yet %s of %s looks.", asked.name, watch.settle.bad, watch.settle.of)
            return True
        until = quiet_until(self.place, self.known.get(slug).runbook, now())
        if until:
            get_run_logger().info("%s: quiet hours until %s; %s is not opened.", asked.name, until, slug)
        return until is not None

"""Watches that cannot look: counted until people are told, in a chain for each environment and check.

1. Each UNKNOWN answer in a row is recorded, up to the one at which it counts as trouble (`Watch.told_after`); then
   nothing more, however long it stands.
2. The first other answer is recorded too: as mended, if it was trouble.
3. Whoever is on call there is told of both by the alarm, once each. Nothing is written while all can look.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from flows.journal import Entry, HeldElsewhere, Journal
from flows.journal.kinds import CouldNotLook, Looked, Mended, Trouble
from flows.keepers.alarm import BLIND, blind_chain
from tasks.model import Finding, Verdict

WATCHER = "watch"
Look = CouldNotLook | Looked | Trouble | Mended


def blind_chains(journal: Journal, environment: str) -> list[str]:
    """The chains there are: of the others, an answer that is not UNKNOWN changes nothing."""
    return journal.beginning(f"{BLIND}/{environment}/")


def heed(
    journal: Journal, environment: str, check: str, finding: Finding, told_after: int, chains: Container[str]
) -> None:
    """Record what `finding` changes about whether `check` can look."""
    chain = blind_chain(environment, check)
    if finding.verdict is not Verdict.UNKNOWN and chain not in chains:
        return
    try:
        with journal.hold(chain) as log:
            looks = _looks(log.entries)
            if (kind := _kind(looks, finding, told_after)) is not None:
                told = _told(kind, environment, check, looks, finding)
                log.append(WATCHER, f"{kind.kind}/{len(log.entries)}", told)
    except HeldElsewhere:
        return  # another round asks the same at this very moment


def blind(journal: Journal, environment: str, checks: Container[str]) -> Iterator[Finding]:
    """Those of `checks` that could not look the last time, as the doctor says it."""
    for chain in blind_chains(journal, environment):
        check = chain.rpartition("/")[2]
        row = _unseen(_looks(journal.read(chain)))
        if check in checks and row:
            last = row[-1].body
            often = f"{len(row)} times in a row" if len(row) > 1 else "the last time"
            more = " or more" if row[-1].is_a(Trouble) else ""
            says = f"The watch {check} could not look {often}{more}, since {row[0].at[:16].replace('T', ' ')} UTC."
            yield Finding.unknown(f"{says} {last['unseen']}", remedy=str(last["remedy"]))


def _looks(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.is_a(CouldNotLook, Looked, Trouble, Mended)]


def _unseen(looks: Sequence[Entry]) -> list[Entry]:
    """The looks in a row at the end that saw nothing."""
    seen = [n for n, entry in enumerate(looks) if entry.is_a(Looked, Mended)]
    return list(looks[seen[-1] + 1 :] if seen else looks)


def _kind(looks: Sequence[Entry], finding: Finding, told_after: int) -> type[Look] | None:
    row = _unseen(looks)
    troubled = bool(row) and row[-1].is_a(Trouble)
    if finding.verdict is not Verdict.UNKNOWN:
        return (Mended if troubled else Looked) if row else None
    if troubled:
        return None
    return Trouble if len(row) + 1 >= told_after else CouldNotLook


def _told(kind: type[Look], environment: str, check: str, looks: Sequence[Entry], finding: Finding) -> Look:
    if kind in (Looked, Mended):
        says = f"It looks again: {finding.verdict.name} {finding.says}"
    else:
        times = f"{len(_unseen(looks)) + 1} times in a row"
        says = (
            f"{check} could not look {times}: nobody would hear of what it watches. {finding.says}\n\n{finding.remedy}"
        ).strip()
    title = f"the watch {check} cannot look in {environment}"
    return kind(title=title, says=says, unseen=finding.says, remedy=finding.remedy)

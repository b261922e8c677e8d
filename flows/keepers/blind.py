"""Watches that cannot look: counted until people are told, in a chain for each environment and check.

1. Each UNKNOWN answer in a row is recorded, up to the one at which it counts as trouble (`Watch.told_after`); then
   nothing more, however long it stands.
2. The first other answer is recorded too: as mended, if it was trouble.
3. Whoever is on call there is told of both by the alarm, once each. Nothing is written while all can look.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from flows.journal import Entry, HeldElsewhere, Journal
from flows.keepers.alarm import BLIND, MENDED, TROUBLE, blind_chain
from tasks.model import Finding, Row, Verdict

WATCHER = "watch"
UNSEEN = "could not look"
SEEN = "looked"
KINDS = (UNSEEN, SEEN, TROUBLE, MENDED)


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
                log.append(WATCHER, kind, f"{kind}/{len(log.entries)}", _body(environment, check, kind, looks, finding))
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
            more = " or more" if row[-1].kind == TROUBLE else ""
            says = f"The watch {check} could not look {often}{more}, since {row[0].at[:16].replace('T', ' ')} UTC."
            yield Finding.unknown(f"{says} {last['unseen']}", remedy=str(last["remedy"]))


def _looks(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.kind in KINDS]


def _unseen(looks: Sequence[Entry]) -> list[Entry]:
    """The looks in a row at the end that saw nothing."""
    seen = [n for n, entry in enumerate(looks) if entry.kind in (SEEN, MENDED)]
    return list(looks[seen[-1] + 1 :] if seen else looks)


def _kind(looks: Sequence[Entry], finding: Finding, told_after: int) -> str | None:
    row = _unseen(looks)
    troubled = bool(row) and row[-1].kind == TROUBLE
    if finding.verdict is not Verdict.UNKNOWN:
        return (MENDED if troubled else SEEN) if row else None
    if troubled:
        return None
    return TROUBLE if len(row) + 1 >= told_after else UNSEEN


def _body(environment: str, check: str, kind: str, looks: Sequence[Entry], finding: Finding) -> Row:
    if kind in (SEEN, MENDED):
        says = f"It looks again: {finding.verdict.name} {finding.says}"
    else:
        times = f"{len(_unseen(looks)) + 1} times in a row"
        says = (
            f"{check} could not look {times}: nobody would hear of what it watches. {finding.says}\n\n{finding.remedy}"
        ).strip()
    title = f"the watch {check} cannot look in {environment}"
    return {"title": title, "says": says, "unseen": finding.says, "remedy": finding.remedy}

"""Who waits for whom, and whose going would let the others through.

Who waits for a lock waits for those who hold it, and for those who asked before for what cannot stand beside it: behind
a backup, which keeps nobody from reading, a migration asks for the whole table, and whoever would read queues behind
the migration. Cancelling that one lets them through; the backup is in nobody else's way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tasks.model import Row
from tasks.postgres.locks.queries import LOCK_WAITS
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number

# They wait by themselves and are no request of anybody's.
NO_REQUEST = ("autovacuum worker", "walsender", "startup")
# As strong as reading a table, and as VACUUM or an index built CONCURRENTLY.
READING = 1
MAINTENANCE = 4


@dataclass(frozen=True, kw_only=True)
class Culprit:
    """Whose going lets others through: a head (who holds and waits for nothing), or one who asks `behind` others."""

    row: Row
    frees: int
    behind: Row | None = None


@dataclass(frozen=True, kw_only=True)
class Jam:
    """Sessions that wait for locks and whoever they wait for, by process id; a prepared transaction's is below zero."""

    members: Mapping[int, Row]
    at_least_s: float

    @cached_property
    def blockers(self) -> Mapping[int, frozenset[int]]:
        """Whom each waits for."""
        # Whoever is to get a row next waits for its transaction, and so do all behind him: the row stays locked
        # when he leaves.
        return {
            node: waits.union(*(self._blockers[other] for other in waits if not self._queues_for_row(other))) - {node}
            if self._queues_for_row(node)
            else waits
            for node, waits in self._blockers.items()
        }

    @cached_property
    def _blockers(self) -> Mapping[int, frozenset[int]]:
        """As the server says it."""
        return {node: frozenset(self._holders(node)) | self._ahead(node) for node in self.members}

    @cached_property
    def waiting(self) -> frozenset[int]:
        """Whose waiting counts."""
        return frozenset(node for node in self.members if self._counts(node))

    @cached_property
    def heads(self) -> list[Row]:
        """Who holds up and waits for nothing, and circles of those who wait for each other; the longest wait first."""
        found = [*((node, False) for node in self._roots()), *((node, True) for node in self._circles())]
        heads = [self._head(node, circle) for node, circle in found]
        held_up = [row for row in heads if row["waiting"]]
        return sorted(held_up, key=lambda row: (-number(row["waited_s"]), node_of(row)))

    def culprits(self, touchable: Callable[[Row], bool] = lambda _: True) -> list[Culprit]:
        """Whose going lets all through, no more than it takes.

        Whoever asks for much behind those who hold little goes first; a head only if it holds up others than him.
        One in whose place a head has to go all the same is spared, where that head is `touchable`.
        """
        asking = self._needed(self._asking(), frozenset())
        left = self.waiting - asking - self.freed(asking)
        yielding = frozenset(node for node in left if self._yields(node))
        left = self.waiting - self.freed(asking | yielding) - asking - yielding
        heads = [row for row in self.heads if left & self._behind(node_of(row))]
        going = frozenset(node_of(row) for row in heads if touchable(row))
        if going:
            asking = self._needed(asking, going)
            yielding -= self.freed(asking | going)
        return [*self._askers(asking), *self._askers(yielding), *(self._culprit(row) for row in heads)]

    def freed(self, gone: Collection[int]) -> frozenset[int]:
        """Who would get what they wait for in the end, if these were gone and the heads that are left went on."""
        waiting = {node: waits for node, waits in self.blockers.items() if waits and node not in gone}
        left = {node: len(waits.difference(gone)) for node, waits in waiting.items()}
        through = [node for node, n in left.items() if not n]
        freed: set[int] = set()
        while through:
            node = through.pop()
            freed.add(node)
            for other in self._waiters[node]:
                if other in left:
                    left[other] -= 1
                    if not left[other]:
                        through.append(other)
        return frozenset(freed) & self.waiting

    def queue(self) -> list[Row]:
        """Everybody of clients who waits for another, however long; the longest wait first."""
        waiting = [node for node, waits in self.blockers.items() if waits and not self.members[node]["ours"]]
        return [
            self.members[node]
            for node in sorted(waiting, key=self._longest_first)
            if self.members[node]["backend_type"] not in NO_REQUEST
        ]

    def frees(self, node: int) -> int:
        """How many get through without this one."""
        # In a long queue for a row everybody has others behind him, and frees none of them.
        return 0 if all(map(self._queues_for_row, self._waiters[node])) else len(self.freed({node}))

    def tree(self) -> Iterator[tuple[int, Row]]:
        """Each with how many stand between it and its head, whoever waits right behind the one it waits for."""
        below = defaultdict(list)
        for node in self.members:
            if waits := self.blockers[node]:
                below[self._before(node, waits)].append(node)
        seen: set[int] = set()
        for head in self.heads:
            to_show = [(0, node_of(head))]
            while to_show:
                depth, node = to_show.pop()
                if node in seen:
                    continue
                seen.add(node)
                yield depth, self.members[node]
                last_first = sorted(below[node], key=self._longest_first, reverse=True)
                to_show.extend((depth + 1, other) for other in last_first)

    @cached_property
    def _waiters(self) -> Mapping[int, list[int]]:
        waiters = defaultdict(list)
        for node, waits in self.blockers.items():
            for other in waits:
                waiters[other].append(node)
        return waiters

    def _holders(self, node: int) -> dict[int, int]:
        """Who holds what this one asks for, and how strong."""
        row = self.members[node]
        held = zip(_ints(row["held_by"]), _ints(row["held_strength"]), strict=True)
        return {holder: strength for holder, strength in held if holder in self.members}

    def _queues_for_row(self, node: int) -> bool:
        return self.members[node]["locktype"] == "tuple"

    def _ahead(self, node: int) -> frozenset[int]:
        return frozenset(other for other in _ints(self.members[node]["behind"]) if other in self.members)

    def _counts(self, node: int) -> bool:
        row = self.members[node]
        if not self.blockers[node] or row["ours"] or row["backend_type"] in NO_REQUEST:
            return False
        if row["locktype"] == "virtualxid" and not any(self._stays(other) for other in self.blockers[node]):
            return False
        return number(row["waited_s"]) >= self.at_least_s

    def _stays(self, node: int) -> bool:
        """Will its transaction not end by itself? CREATE INDEX CONCURRENTLY waits for old ones by design.

        Whoever idles and holds an advisory lock may be the very program that builds the index in a second session: no
        server sees that circle.
        """
        row = self.members[node]
        return bool(self.blockers[node]) or bool(row["holds_advisory"] and row["state"] == "idle in transaction")

    def _roots(self) -> list[int]:
        return [node for node, waits in self.blockers.items() if not waits]

    def _behind(self, head: int) -> frozenset[int]:
        """Everybody who waits for this one, or for one who does."""
        return _reached(head, self._waiters)

    def _circles(self) -> list[int]:
        """The smallest of each circle in which nobody waits for anybody outside."""
        ending = set(self._roots()).union(*(self._behind(root) for root in self._roots()))
        before = {node: _reached(node, self.blockers) for node in self.members if node not in ending}
        closed = [node for node, others in before.items() if all(node in before[other] for other in others)]
        return sorted({min(before[node]) for node in closed})

    def _head(self, node: int, circle: bool) -> Row:
        """A head with what the first in its queue waits for."""
        behind = sorted(self._behind(node) & self.waiting, key=self._longest_first)
        direct = [other for other in behind if node in self._blockers[other]]
        first = [self.members[other] for other in (*direct, *behind)]
        named = next((row for row in first if row["relation"]), None)
        return {
            **self.members[node],
            "circle": circle,
            "locktype": first[0]["locktype"] if first else None,
            "mode": first[0]["mode"] if first else None,
            "relation": named["relation"] if named else None,
            "advisory_key": first[0]["advisory_key"] if first else None,
            "waiting": len(behind),
            "waiting_directly": len(direct),
            "waiters": behind,
            "waited_s": max((number(row["waited_s"]) for row in first), default=0.0),
        }

    def _culprit(self, head: Row) -> Culprit:
        return Culprit(row=head, frees=self.frees(node_of(head)))

    def _askers(self, asking: frozenset[int]) -> list[Culprit]:
        """The longest wait first. Where it takes several of them, each frees those whom all free."""
        together = self.freed(asking)
        return [
            Culprit(
                row={**self.members[node], "circle": False, "waiting": len(self._behind(node) & self.waiting)},
                frees=self.frees(node) or len(together),
                behind={**self.members[self._before(node, self.blockers[node])], "circle": False},
            )
            for node in sorted(asking, key=self._longest_first)
        ]

    def _asking(self) -> frozenset[int]:
        """Clients who do not hold what others ask for, and are in their way because they asked before."""
        queues = [node for node in self.waiting if not self._queues_for_row(node)]
        before = frozenset[int]().union(*(self._ahead(node) for node in queues))
        return frozenset(node for node in before if self.members[node]["backend_type"] == "client backend")

    def _needed(self, asking: frozenset[int], going: frozenset[int]) -> frozenset[int]:
        """Those of `asking` without whom not as many would be through, once `going` are gone; the latest are spared."""
        needed = asking if self.freed(asking | going) else frozenset()
        for node in sorted(needed, key=self._longest_first, reverse=True):
            without = needed - {node}
            if len(self.freed(without | going)) >= len(self.freed(needed | going)):
                needed = without
        return needed

    def _yields(self, node: int) -> bool:
        """Does it ask for more of a table than those hold who are in its way? The next to come would queue behind it.

        Of two at maintenance the later one yields. Whoever idles after having written has forgotten something.
        """
        row, holders = self.members[node], self._holders(node)
        asked = number(row["strength"])
        if row["locktype"] != "relation" or row["backend_type"] != "client backend" or self._ahead(node):
            return False
        return bool(holders) and all(
            other not in self.waiting
            and (strength < asked or strength == asked == MAINTENANCE)
            and (strength <= READING or self.members[other]["state"] == "active")
            for other, strength in holders.items()
        )

    def _longest_first(self, node: int) -> tuple[float, int]:
        return -number(self.members[node]["waited_s"]), node

    def _before(self, node: int, waits: Collection[int]) -> int:
        """The one behind which it is shown: who holds what it asks for, else who asked first."""
        holders = [other for other in self._holders(node) if other in waits]
        return min(holders or waits, key=self._longest_first)


def look(postgres: PostgresServer, at_least_s: float) -> Jam:
    """Who waits for whom now; waits shorter than this count as none.

    Raises:
        CannotLook, Refused: no answer.
    """
    rows = postgres.rows(LOCK_WAITS)
    return Jam(members={node_of(row): row for row in rows}, at_least_s=at_least_s)


def _reached(node: int, ways: Mapping[int, Collection[int]]) -> frozenset[int]:
    """All that can be reached from `node`; itself only by going in a circle."""
    reached: set[int] = set()
    to_visit = [node]
    while to_visit:
        new = set(ways.get(to_visit.pop(), ())) - reached
        reached |= new
        to_visit.extend(new)
    return frozenset(reached)


def node_of(row: Row) -> int:
    return int(number(row["node"]))


def _ints(value: object) -> list[int]:
    return [int(number(one)) for one in value] if isinstance(value, list) else []

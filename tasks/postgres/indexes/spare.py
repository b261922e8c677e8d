"""Which indexes could be spared: decided from the facts of all indexes of a table, never from one alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tasks.model import Refused, Row
from tasks.postgres.indexes.queries import INDEX_FACTS, LOCKED_INDEXES, SCAN_COUNTING
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import HOUR_S, count, span

# Below this nobody gains anything by dropping it.
WORTH_DROPPING_BYTES = 2**20
# The month's end has its own reports.
LONG_ENOUGH_S = 31 * 24 * HOUR_S
# A wider index answers a narrower one's queries, by reading so many times its pages at most.
AT_MOST_WIDER = 2


@dataclass(frozen=True, kw_only=True)
class Spare:
    """An index that could be dropped, and why; `kept` is the one that answers its queries."""

    row: Row
    why: str
    kept: Row | None = None

    @property
    def evidence(self) -> Row:
        shown = {key: self.row[key] for key in ("schema", "table", "index", "bytes", "scans", "definition", "comment")}
        return {**shown, "why": self.why}


def locked(postgres: PostgresServer, at_least: float) -> list[Row]:
    """The tables (table_oid, ident) one of whose indexes of that size is locked: its facts cannot be had."""
    return postgres.rows(LOCKED_INDEXES, at_least=at_least)


def facts(
    postgres: PostgresServer, at_least: float = 0, *, only_invalid: bool = False, without: Sequence[Row] = ()
) -> list[Row]:
    """Every index of the tables that have one of at least so many bytes, or only of those that have an invalid one.

    The tables in `without`, rows of `locked`, are left out; of any other that is locked there is no answer.

    Raises:
        CannotLook: no answer.
        Refused: it cannot be seen who builds an index now; the remedy is the GRANT.
    """
    # An index that is being built looks like one whose build broke off.
    if blind := postgres.blind():
        raise Refused(blind.says, remedy=blind.remedy)
    spared = [row["table_oid"] for row in without]
    return postgres.rows(INDEX_FACTS, at_least=at_least, only_invalid=only_invalid, without=spared)


def counting(postgres: PostgresServer) -> Row:
    """Since when queries are counted here, and who else counts their own."""
    return postgres.rows(SCAN_COUNTING)[0]


def too_young(counted: Row) -> str:
    """How long queries are counted, as half a sentence, while that is too short to call an index unused; else empty."""
    if number(counted["counted_for_s"]) >= LONG_ENOUGH_S:
        return ""
    counted_for = span(number(counted["counted_for_s"]))
    return f"queries are counted for {counted_for} (31 days are needed), since {counted['began']}"


def elsewhere(counted: Row) -> str:
    """Who has the same indexes and counts queries of its own, as half a sentence; empty if nobody does."""
    if counted["standby"]:
        return "this is a standby, and its primary counts its own queries: ask there"
    replicas = int(number(counted["replicas"]))
    return f"queries are counted elsewhere, too: ask {count(replicas, 'replica')}" if replicas else ""


def duplicates(indexes: Sequence[Row]) -> list[Spare]:
    """Indexes whose queries another one of the table answers as well; that one always stays.

    The widest are looked at first, and each may only lean on one that is kept: of a chain the last one remains. A used
    one never leans on one that could be called unused tomorrow: both would be gone.
    """
    found: list[Spare] = []
    for of_table in _by_table(indexes):
        kept: list[Row] = []
        for row in sorted(of_table, key=_worth_keeping):
            keeper = None if row["bound"] else next((one for one in kept if _relies(row, one)), None)
            if keeper is None:
                kept.append(row)
            else:
                found.append(Spare(row=row, why=f"{keeper['ident']} answers the same queries", kept=keeper))
    return found


def unused(indexes: Sequence[Row], counted: Row) -> list[Spare]:
    """Indexes that answered no query for a month. None at all while that cannot be known.

    Left out is what enforces something, what is known to be younger than a month, and of those that keep a foreign key
    from reading the whole table the last one. What is a duplicate as well is told there, and counts as gone here.
    """
    if too_young(counted) or elsewhere(counted):
        return []
    twice = {str(spare.row["oid"]) for spare in duplicates(indexes)}
    found: list[Spare] = []
    for of_table in _by_table(indexes):
        left = [row for row in of_table if str(row["oid"]) not in twice]
        for row in [one for one in left if _idle(one)]:
            others = [one for one in left if one is not row]
            if not _only_support(row, others):
                found.append(Spare(row=row, why="no query has used it"))
                left = others
    return found


def invalid(indexes: Sequence[Row]) -> list[Spare]:
    """What broken-off builds left behind: every write pays for them, no query may use them."""
    return [
        Spare(row=row, why="its build broke off" if row["ready"] else "its build broke off before it took writes")
        for row in indexes
        # It may be unique and is dropped all the same; what a constraint stands on is not.
        if not row["valid"] and not row["being_built"] and row["constraint_of"] is None
    ]


def broken_off(postgres: PostgresServer, indexes: Sequence[Row]) -> list[Spare]:
    """Those of `indexes` that are invalid, looked at again: a build that ended while they were read was not broken off.

    Raises:
        CannotLook, Refused: as `facts`.
    """
    found = invalid(indexes)
    still = {one.row["oid"] for one in invalid(facts(postgres, only_invalid=True))} if found else set()
    return [one for one in found if one.row["oid"] in still]


def large(found: Sequence[Spare]) -> list[Spare]:
    """Those that somebody would gain by dropping."""
    return [one for one in found if number(one.row["bytes"]) >= WORTH_DROPPING_BYTES]


def covers(keeper: Row, spare: Row) -> bool:
    """Does `keeper` answer whatever `spare` answers?"""
    if not keeper["valid"] or not spare["valid"] or keeper["table_oid"] != spare["table_oid"]:
        return False
    return keeper["shape"] == spare["shape"] or _begins_with(keeper, spare)


def _begins_with(keeper: Row, spare: Row) -> bool:
    """Are all of `spare`'s columns the first ones of `keeper`, sorted and compared the same way?

    Only of whole tables and plain columns, and only where the wider one is not much larger: reading it takes longer.
    """
    if not (spare["plain"] and not keeper["partial"] and keeper["method"] == spare["method"] == "btree"):
        return False
    columns = int(number(spare["key_columns"]))
    if _list(spare, "keys")[columns:] or int(number(keeper["key_columns"])) < columns:
        return False
    same = all(_list(keeper, of)[:columns] == _list(spare, of) for of in ("keys", "classes", "collations", "options"))
    return same and number(keeper["bytes"]) <= AT_MOST_WIDER * number(spare["bytes"])


def _list(row: Row, key: str) -> list[object]:
    value = row[key]
    return list(value) if isinstance(value, list | tuple) else []


def _relies(row: Row, keeper: Row) -> bool:
    lasting = keeper["bound"] or keeper["scans"] or not row["scans"]
    return bool(lasting) and covers(keeper, row)


def _worth_keeping(row: Row) -> tuple[bool, int, bool, float]:
    """Sorted by it, whatever may be kept instead of another comes before that one; of two alike the used, the older."""
    return not row["bound"], -len(_list(row, "keys")), not row["scans"], number(row["oid"])


def _idle(row: Row) -> bool:
    young = row["built_ago_s"] is not None and number(row["built_ago_s"]) < LONG_ENOUGH_S
    return not (row["bound"] or row["scans"] or young)


def _only_support(row: Row, others: Sequence[Row]) -> bool:
    """Does a foreign key lean on this index, and on none of the others?"""
    elsewhere = {name for one in others for name in _list(one, "foreign_keys")}
    return bool(set(_list(row, "foreign_keys")) - elsewhere)


def _by_table(indexes: Sequence[Row]) -> Iterator[list[Row]]:
    """The valid indexes of each table on which nothing is being built."""
    tables: dict[object, list[Row]] = defaultdict(list)
    for row in indexes:
        if row["valid"] and not row["being_built"]:
            tables[row["table_oid"]].append(row)
    yield from tables.values()

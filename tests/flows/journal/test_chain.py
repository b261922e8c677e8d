"""The chain needs no database: these run on an export."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from flows.journal import Entry, broken
from flows.journal.chain import GENESIS, chained
from flows.journal.entry import read_back, written

AT = "2026-11-21T02:00:00.00000{}Z"


def history(length: int = 5) -> list[Entry]:
    entries: list[Entry] = []
    for n in range(1, length + 1):
        prev = entries[-1].hash if entries else GENESIS
        at = AT.format(n)
        entries.append(
            chained(incident="i", seq=n, at=at, actor="a", kind="note", key=f"n{n}", body={"n": n}, prev=prev)
        )
    return entries


def rehashed(entry: Entry, **changes: object) -> Entry:
    fields = {**vars(entry), **changes}
    fields.pop("hash")
    return chained(**fields)


def test_it_finds_nothing_wrong_with_what_was_written() -> None:
    assert broken(history()) is None
    assert broken([]) is None


def test_it_hashes_the_same_for_ever() -> None:
    """A changed recipe would call every journal ever written tampered with."""
    text = (
        '{"actor":"a","at":"2026-11-21T02:00:00.000001Z","body":{"n":1},"incident":"i","key":"n1","kind":"note",'
        f'"prev":"{"0" * 64}","seq":1}}'
    )
    assert history(1)[0].hash == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("field", ["incident", "at", "actor", "kind", "key", "prev", "hash"])
@pytest.mark.parametrize("at", [0, 2, 4])
def test_it_finds_a_change_to_any_field_of_any_entry(field: str, at: int) -> None:
    entries = history()
    entries[at] = replace(entries[at], **{field: "f" * 64})  # type: ignore[arg-type]
    assert broken(entries)


@pytest.mark.parametrize(
    "body", [{}, {"n": 4}, {"n": "3"}, {"n": True}, {"n": 3, "m": 0}, {"n": 2**60}, {"n": "\ud800"}]
)
def test_it_finds_a_changed_body(body: dict[str, int]) -> None:
    entries = history()
    entries[2] = replace(entries[2], body=body)
    complaint = broken(entries)
    assert complaint
    assert complaint.startswith("Entry 3 (note, 2026-11-21T02:00:00.000003Z) ")
    assert complaint.endswith(": altered.")


def test_it_finds_an_entry_that_was_changed_and_hashed_anew() -> None:
    entries = history()
    entries[2] = rehashed(entries[2], actor="mallory")
    assert broken(entries) == (
        "Entry 4 (note, 2026-11-21T02:00:00.000004Z) was written after another entry 3 than the one before it: "
        "altered or inserted."
    )


def test_it_finds_a_removed_entry_behind_new_numbers() -> None:
    first, _, third, *_ = history()
    assert broken([first, rehashed(third, seq=2)]) == (
        "Entry 2 (note, 2026-11-21T02:00:00.000003Z) was written after another entry 1 than the one before it: "
        "altered or inserted."
    )


def test_it_finds_a_removed_beginning_behind_new_numbers() -> None:
    assert broken([rehashed(history()[1], seq=1)]) == (
        "Entry 1 (note, 2026-11-21T02:00:00.000002Z) names an entry before itself that is not there: removed."
    )


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ([1, 2, 4, 5], "Entry 3 is missing before entry 4 (note, 2026-11-21T02:00:00.000004Z): removed."),
        ([1, 4, 5], "Entries 2 to 3 are missing before entry 4 (note, 2026-11-21T02:00:00.000004Z): removed."),
        ([2, 3], "Entry 1 is missing before entry 2 (note, 2026-11-21T02:00:00.000002Z): removed."),
        ([1, 2, 2, 3], "Entry 2 (note, 2026-11-21T02:00:00.000002Z) stands after entry 2: "),
        ([1, 2, 3, 5, 4], "Entry 4 is missing before entry 5"),
        ([2, 1, 3], "Entry 1 is missing before entry 2"),
        ([1, 2, 3, 1], "Entry 1 (note, 2026-11-21T02:00:00.000001Z) stands after entry 3: entries were reordered or "),
    ],
)
def test_it_finds_what_is_missing_or_out_of_place(order: list[int], said: str) -> None:
    entries = history()
    complaint = broken([entries[n - 1] for n in order])
    assert complaint
    assert complaint.startswith(said)


def test_it_finds_another_incidents_entry() -> None:
    entries = history()
    entries[1] = rehashed(entries[1], incident="other")
    assert broken(entries) == (
        "Entry 2 (note, 2026-11-21T02:00:00.000002Z) belongs to incident other, the one before it to i."
    )


def test_it_cannot_see_a_cut_off_end() -> None:
    """Said in the docstring; the seal is there for it."""
    assert broken(history()[:3]) is None


def test_it_reads_back_floats_that_print_as_whole_numbers() -> None:
    assert written({"n": 1e16}) == '{"n":10000000000000000}'
    assert written(read_back(written({"n": 1e16}))) == '{"n":10000000000000000}'
    assert isinstance(read_back('{"n":9007199254740991}')["n"], int)

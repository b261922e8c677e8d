"""How fast, and in how much memory, an export is verified: `python -m tests.benchmarks.audit [ENTRIES]`.

Two exports of made-up incidents are verified, one ten times as long as the other, each in a process of its own. The
figures are ratios between the two: time per entry and peak memory should both be near 1.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from flows.journal import Audit, Entry, Exported, complaints, lines
from flows.journal.chain import GENESIS, chained
from flows.journal.seal import MOST_HEADS, Head, Seal, digest_of, sealed

AT = "2026-11-21T02:00:00.000000Z"
ENTRIES = 1_000_000
PER_INCIDENT = 40


class MadeUp:
    """`count` entries in incidents of PER_INCIDENT, sealed at their ends."""

    whole = True

    def __init__(self, count: int) -> None:
        self._incidents = count // PER_INCIDENT
        self._heads: list[Head] = []

    def entries(self) -> Iterator[Entry]:
        for n in range(self._incidents):
            prev = GENESIS
            for seq in range(1, PER_INCIDENT + 1):
                entry = chained(
                    incident=f"{n:08}",
                    seq=seq,
                    at=AT,
                    actor="engine",
                    kind="finding",
                    key=f"finding/{seq}",
                    body={"says": "3 sessions wait for a lock, the longest 41 s (bad from 30 s).", "value": 41.5},
                    prev=prev,
                )
                prev = entry.hash
                yield entry
            self._heads.append(Head(incident=f"{n:08}", seq=PER_INCIDENT, hash=prev))

    def seals(self) -> Iterator[tuple[Seal, list[Head]]]:
        """Only known when the entries have been read."""
        prev = GENESIS
        for number, start in enumerate(range(0, len(self._heads), MOST_HEADS), 1):
            heads = self._heads[start : start + MOST_HEADS]
            seal = sealed(seal=number, at=AT, heads=len(heads), digest=digest_of(heads), prev=prev)
            prev = seal.hash
            yield seal, heads


def write(file: Path, count: int) -> None:
    record = MadeUp(count)
    for _ in record.entries():
        pass
    with file.open("w", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in lines(record))


def verify(file: Path) -> None:
    """In a process of its own: what it took, as JSON."""
    audit = Audit()
    began = time.process_time()
    found = list(complaints(Exported(file), audit))
    took_s = time.process_time() - began
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"entries": audit.entries, "s": took_s, "peak_mib": peak_mib, "wrong": len(found)}))


def main(count: int) -> None:
    told = []
    for size in (count // 10, count):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "record.jsonl"
            write(file, size)
            command = [sys.executable, "-m", "tests.benchmarks.audit", "--verify", str(file)]
            told.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    for one in told:
        rate = one["entries"] / one["s"]
        sys.stdout.write(
            f"{one['entries']:>9} entries: {rate:8.0f}/s of one core, {one['peak_mib']:6.1f} MiB at most, "
            f"{one['wrong']} complaints\n"
        )
    small, large = told
    per_entry = (large["s"] / large["entries"]) / (small["s"] / small["entries"])
    memory = large["peak_mib"] / small["peak_mib"]
    sys.stdout.write(f"ten times the entries: time per entry × {per_entry:.2f}, memory × {memory:.2f}\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--verify"]:
        verify(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES)

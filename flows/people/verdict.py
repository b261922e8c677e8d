"""A checklist's verdict as a message: in its first line, whether anybody has to act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tasks.model import Verdict

# A message with more is read by nobody; the record has them all.
MOST = 20


def written(checked: Mapping[str, Any]) -> str:
    """`checked`: the body of the entry."""
    return "\n".join(_lines(checked))


def _lines(checked: Mapping[str, Any]) -> Iterator[str]:
    yield str(checked["says"])
    ill = [item for item in checked["items"] if item["verdict"] != Verdict.OK.name]
    for item in ill[:MOST]:
        yield f"- {item['verdict']}: {item['says']} {item['to_do']}".rstrip()
    if len(ill) > MOST:
        yield f"- … and {len(ill) - MOST} more"
    for one in checked["changed"]:
        yield f"Since the last time {one['was']} → {one['is']}: {one['says']}"

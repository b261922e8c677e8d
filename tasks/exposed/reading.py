"""Reports of secrets in repositories, as gitleaks, TruffleHog and detect-secrets write them, without the secrets.

They hold the secret itself, and the line it stands in: neither leaves this file, nor does any hash of it. A weak
password is found again by its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Row

MOST_SHOWN = 160
# Of more, somebody has scanned what is no repository.
MOST_READ = 10_000


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """A secret that stands in a file. `verified`: the scanner has seen that it works."""

    file: str
    line: int
    kind: str
    commit: str = ""
    verified: bool = False

    @property
    def fingerprint(self) -> str:
        """By which a team accepts one: of the place and the kind, never of the secret."""
        place = "\0".join((self.kind, self.file, str(self.line), self.commit))
        return hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()[:12]

    @property
    def row(self) -> Row:
        """For people; names of files are quoted."""
        return {
            "file": excerpt(self.file, MOST_SHOWN),
            "line": self.line,
            "kind": excerpt(self.kind, 60),
            "commit": excerpt(self.commit, 12),
            "works": "yes, it was tried" if self.verified else "not known",
            "fingerprint": self.fingerprint,
        }


def gitleaks(text: str) -> list[Exposed]:
    """`gitleaks … --report-format json`: a list; `[]` where nothing was found.

    Raises:
        CannotLook: it is no such report.
    """
    told = _json(text)
    if not isinstance(told, list):
        raise CannotLook("The report is not what `gitleaks --report-format json` writes.")
    return [
        Exposed(
            file=str(one.get("File")),
            line=_number(one.get("StartLine")),
            kind=str(one.get("RuleID")),
            commit=str(one.get("Commit") or ""),
        )
        for one in _dicts(told)
    ]


def trufflehog(text: str) -> list[Exposed]:
    """`trufflehog … --json`: an object a line, and lines of its own log between them.

    Raises:
        CannotLook: none of the lines is one of its own.
    """
    found, ours = [], False
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            one = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(one, dict):
            continue
        ours = ours or "DetectorName" in one or "level" in one
        if "DetectorName" not in one:
            continue
        place = next(_places(one.get("SourceMetadata")), {})
        found.append(
            Exposed(
                file=str(place.get("file") or place.get("link") or "a commit's message"),
                line=_number(place.get("line")),
                kind=str(one["DetectorName"]),
                commit=str(place.get("commit") or ""),
                verified=one.get("Verified") is True,
            )
        )
    if not ours:
        raise CannotLook("The report is not what `trufflehog --json` writes: keep its standard error in it, too.")
    return found


def detect_secrets(text: str) -> list[Exposed]:
    """`detect-secrets scan`: its baseline. What somebody has marked there as no secret is left out.

    Raises:
        CannotLook: it is no such report.
    """
    told = _json(text)
    results = told.get("results") if isinstance(told, dict) else None
    if not isinstance(results, dict):
        raise CannotLook("The report is not what `detect-secrets scan` writes: it has no results.")
    return [
        Exposed(
            file=str(file),
            line=_number(one.get("line_number")),
            kind=str(one.get("type")),
            verified=one.get("is_verified") is True,
        )
        for file, many in results.items()
        for one in _dicts(many)
        if one.get("is_secret") is not False
    ]


READERS: Mapping[str, Callable[[str], list[Exposed]]] = {
    "gitleaks": gitleaks,
    "trufflehog": trufflehog,
    "detect-secrets": detect_secrets,
}


def _places(metadata: object) -> Iterator[Mapping[str, Any]]:
    data = metadata.get("Data") if isinstance(metadata, Mapping) else None
    yield from (one for one in data.values() if isinstance(one, Mapping)) if isinstance(data, Mapping) else ()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise CannotLook("The report is no JSON.") from None


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)][:MOST_READ] if isinstance(value, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0

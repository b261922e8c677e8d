"""Reports of known weaknesses, as pip-audit, npm audit, Trivy and apt write them, in one form.

A report that could not be made looks much like one that found nothing, and ends with the same exit code: what was
looked at is counted, and a report that looked at nothing is none.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Row

MOST_SHOWN = 120


class Severity(enum.IntEnum):
    """How bad a weakness is. pip-audit tells none: then it is judged as high."""

    LOW = 1
    MODERATE = 2
    UNKNOWN = 3
    HIGH = 4
    CRITICAL = 5


_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "moderate": Severity.MODERATE,
    "medium": Severity.MODERATE,
    "low": Severity.LOW,
    "info": Severity.LOW,
    "negligible": Severity.LOW,
}


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """One known weakness of one package. `fix` is the version that has it no more; empty where there is none."""

    package: str
    installed: str
    id: str
    severity: Severity
    fix: str

    @property
    def row(self) -> Row:
        """For people; a report's words are quoted."""
        return {
            "package": excerpt(self.package, MOST_SHOWN),
            "installed": excerpt(self.installed, MOST_SHOWN),
            "id": excerpt(self.id, MOST_SHOWN),
            "severity": self.severity.name.lower(),
            "fixed_in": excerpt(self.fix, MOST_SHOWN) or "nothing yet",
        }


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a report says: of `looked_at` packages the weaknesses, and `skipped`, which nobody looked at."""

    weaknesses: tuple[Weakness, ...]
    looked_at: int
    skipped: tuple[str, ...] = ()


def pip_audit(text: str) -> Told:
    """`pip-audit -f json`. It passes over what its source does not know, says that none is known, and ends with 0.

    Raises:
        CannotLook: it is no such report.
    """
    dependencies = _list(_object(text, "pip-audit -f json"), "dependencies", "pip-audit -f json")
    skipped = tuple(f"{one.get('name')}: {one['skip_reason']}" for one in dependencies if one.get("skip_reason"))
    found = [
        Weakness(
            package=str(one.get("name")),
            installed=str(one.get("version", "")),
            id=str(weakness.get("id")),
            severity=Severity.UNKNOWN,
            fix=", ".join(map(str, weakness.get("fix_versions") or [])),
        )
        for one in dependencies
        for weakness in _dicts(one.get("vulns"))
    ]
    return Told(weaknesses=tuple(found), looked_at=len(dependencies) - len(skipped), skipped=skipped)


def npm_audit(text: str) -> Told:
    """`npm audit --json`, of npm 7 and later.

    Where the registry does not answer, it writes another object and ends with 1, as it does when it finds something.

    Raises:
        CannotLook: it is no such report, or it tells that none could be made.
    """
    told = _object(text, "npm audit --json")
    if "vulnerabilities" not in told:
        error = told.get("error") if isinstance(told.get("error"), Mapping) else {}
        why = told.get("message") or (error or {}).get("summary") or "it holds no vulnerabilities"
        raise CannotLook(
            f"npm could not audit: {excerpt(str(why), 200)}.",
            remedy="npm audit --json > FILE.new && mv FILE.new FILE  # look at what it says on standard error",
        )
    counts = told.get("metadata", {}).get("dependencies", {}) if isinstance(told.get("metadata"), Mapping) else {}
    total = counts.get("total") if isinstance(counts, Mapping) else counts
    vulnerabilities = told["vulnerabilities"]
    found = [_of_npm(name, one) for name, one in vulnerabilities.items() if isinstance(one, Mapping)]
    # What is only reached through others is told with those.
    return Told(
        weaknesses=tuple(one for one in found if one is not None),
        looked_at=total if isinstance(total, int) else len(found),
    )


def trivy(text: str) -> Told:
    """`trivy … --format json`: operating system and language packages of an image, a folder or a machine.

    Raises:
        CannotLook: it is no such report.
    """
    results = _list(_object(text, "trivy --format json"), "Results", "trivy --format json", or_none=True)
    found = [
        Weakness(
            package=str(one.get("PkgName")),
            installed=str(one.get("InstalledVersion", "")),
            id=str(one.get("VulnerabilityID")),
            severity=_severity(one.get("Severity")),
            fix=str(one.get("FixedVersion") or ""),
        )
        for result in results
        for one in _dicts(result.get("Vulnerabilities"))
    ]
    return Told(weaknesses=tuple(found), looked_at=len(results))


_UPGRADABLE = re.compile(r"(?P<package>[\w.+-]+)/(?P<suites>[\w.,-]+) (?P<fix>\S+) \S+ \[[^:\]]+: (?P<installed>\S+)\]")


def apt(text: str) -> Told:
    """`apt list --upgradable`: of it the packages that a security suite has a newer version of.

    Raises:
        CannotLook: it is no such list.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("WARNING")]
    if not lines:
        raise CannotLook("The list of upgradable packages is empty, without even its heading.")
    read = [found for line in lines if (found := _UPGRADABLE.fullmatch(line.strip()))]
    # "Listing..." in whatever language; alone, it says that there is nothing.
    if not read and (len(lines) > 1 or not lines[0].strip().endswith(("...", "…"))):
        raise CannotLook("None of the lines is one that `LC_ALL=C apt list --upgradable` writes.")
    found_ = [
        Weakness(
            package=one["package"],
            installed=one["installed"],
            id="security update",
            severity=Severity.UNKNOWN,
            fix=one["fix"],
        )
        for one in read
        if "security" in one["suites"]
    ]
    # The list is of what can be upgraded only; that it was made at all is what was looked at.
    return Told(weaknesses=tuple(found_), looked_at=max(len(read), 1))


READERS: Mapping[str, Callable[[str], Told]] = {
    "pip-audit": pip_audit,
    "npm-audit": npm_audit,
    "trivy": trivy,
    "apt": apt,
}


def _of_npm(name: str, one: Mapping[str, Any]) -> Weakness | None:
    own = _dicts(one.get("via"))
    if not own:
        return None
    worst = max(own, key=lambda via: _severity(via.get("severity")))
    fix = one.get("fixAvailable")
    version = (
        f"{fix.get('name')} {fix.get('version')}" if isinstance(fix, Mapping) else "a newer version" if fix else ""
    )
    more = f" and {len(own) - 1} more" if len(own) > 1 else ""
    return Weakness(
        package=name,
        # npm tells which versions are weak, not which one is there.
        installed=f"one of {one['range']}" if one.get("range") else "",
        id=f"{str(worst.get('url') or worst.get('source') or worst.get('id')).rpartition('/')[2]}{more}",
        severity=_severity(one.get("severity")),
        fix=version,
    )


def _severity(value: object) -> Severity:
    return _SEVERITIES.get(str(value).lower(), Severity.UNKNOWN)


def _object(text: str, made_by: str) -> dict[str, Any]:
    if not text.strip():
        raise CannotLook(
            "The report is empty: whatever was to write it has failed.",
            remedy=f"{made_by} > FILE.new && mv FILE.new FILE",
        )
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise CannotLook(f"The report is not what `{made_by}` writes.")
    return told


def _list(told: Mapping[str, Any], name: str, made_by: str, *, or_none: bool = False) -> list[dict[str, Any]]:
    found = told.get(name, [] if or_none and "SchemaVersion" in told else None)
    if found is None and or_none and "SchemaVersion" in told:
        return []
    if not isinstance(found, list):
        raise CannotLook(f"The report is not what `{made_by}` writes: it has no {name}.")
    return _dicts(found)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

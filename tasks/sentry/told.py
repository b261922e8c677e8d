"""What Sentry tells of its issues and releases, in our words.

Fields: getsentry/sentry-api-schema@a589a26c, listOrganizationIssues and listOrganizationReleases. Counts of issues are
texts there, and the hours of `stats` are pairs of Unix time and number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.model import Json, Row
from tasks.web.reading import number, table, text

HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Issue:
    """Events that Sentry takes for the same fault. `hours`: how many came in each of the last hours, oldest first."""

    id: str
    short_id: str
    title: str
    culprit: str
    level: str
    status: str
    project: str
    first_seen: datetime | None
    assigned_to: str
    link: str
    hours: tuple[tuple[float, int], ...]

    @property
    def lately(self) -> int:
        """Events of this hour and the one before: this one may have just begun."""
        return sum(events for _, events in self.hours[-2:])

    @property
    def usually(self) -> float:
        """Events of two hours, at the median of those before."""
        before = sorted(events for _, events in self.hours[:-2])
        return 2.0 * before[len(before) // 2] if before else 0.0

    @property
    def row(self) -> Row:
        return {
            "issue": self.short_id,
            "title": self.title,
            "where": self.culprit,
            "project": self.project,
            "level": self.level,
            "lately": self.lately,
            "usually": self.usually,
            "first_seen": self.first_seen.isoformat(timespec="seconds") if self.first_seen else "",
            "assigned_to": self.assigned_to,
            "link": self.link,
        }


@dataclass(frozen=True, kw_only=True)
class Release:
    """A version that Sentry knows; `at` is when it was released, or deployed last, or else first heard of, in UTC."""

    version: str
    at: datetime
    deployed_to: str
    new_issues: int
    commits: int
    first_event: datetime | None

    @property
    def row(self) -> Row:
        return {
            "release": self.version,
            "at": self.at.isoformat(timespec="seconds"),
            "deployed_to": self.deployed_to,
            "new_issues": self.new_issues,
            "commits": self.commits,
            "first_event": self.first_event.isoformat(timespec="seconds") if self.first_event else "",
        }


def issue(told: Mapping[str, Json]) -> Issue | None:
    """None of what has no id: nothing could be done with it."""
    named = text(told.get("id"), 40)
    if not named.isdigit():
        return None
    assigned, stats = table(told.get("assignedTo")), table(told.get("stats"))
    return Issue(
        id=named,
        short_id=text(told.get("shortId"), 60) or named,
        title=text(told.get("title"), 200),
        culprit=text(told.get("culprit"), 120),
        level=text(told.get("level"), 20),
        status=text(told.get("status"), 20),
        project=text(table(told.get("project")).get("slug"), 60),
        first_seen=moment(told.get("firstSeen")),
        assigned_to=text(assigned.get("name"), 80) or text(assigned.get("id"), 80),
        link=text(told.get("permalink"), 300),
        hours=_hours(next(iter(stats.values()), None)),
    )


def release(told: Mapping[str, Json]) -> Release | None:
    """None of one without a name or a moment."""
    deploy = table(told.get("lastDeploy"))
    at = moment(deploy.get("dateFinished")) or moment(told.get("dateReleased")) or moment(told.get("dateCreated"))
    version = text(told.get("version"), 120)
    if not version or at is None:
        return None
    return Release(
        version=version,
        at=at,
        deployed_to=text(deploy.get("environment"), 60),
        new_issues=int(number(told.get("newGroups")) or 0),
        commits=int(number(told.get("commitCount")) or 0),
        first_event=moment(told.get("firstEvent")),
    )


def moment(value: Json) -> datetime | None:
    """A moment in UTC; None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _hours(told: Json) -> tuple[tuple[float, int], ...]:
    pairs = told if isinstance(told, Sequence) and not isinstance(told, str) else ()
    found = []
    for pair in pairs:
        at_s, events = pair if isinstance(pair, list) and len(pair) == 2 else (None, None)
        if isinstance(at_s, int | float) and isinstance(events, int | float):
            found.append((float(at_s), int(events)))
    return tuple(sorted(found))

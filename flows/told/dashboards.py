"""The four dashboards: what a team looks at apart, and to which of them a question belongs."""

from __future__ import annotations

import enum

from runbooks.model import AnyCheck


class Dashboard(enum.Enum):
    """In the order in which they are read: what customers notice comes first. The value is its heading."""

    HEALTH = "Health"
    PERFORMANCE = "Performance"
    BUSINESS = "Business"
    INFRASTRUCTURE = "Infrastructure"


# A kind of system, one of its rooms, or a single question; the narrowest that is named here counts.
BELONGS = {
    "website": Dashboard.HEALTH,
    "status_page": Dashboard.HEALTH,
    "check_website_pace": Dashboard.PERFORMANCE,
    "postgres": Dashboard.INFRASTRUCTURE,
    "postgres/statements": Dashboard.PERFORMANCE,
    "postgres/locks": Dashboard.PERFORMANCE,
    "postgres/indexes": Dashboard.PERFORMANCE,
    "check_cache_hits": Dashboard.PERFORMANCE,
    "application": Dashboard.BUSINESS,
    "host": Dashboard.INFRASTRUCTURE,
    "pgbouncer": Dashboard.INFRASTRUCTURE,
    "mirror": Dashboard.INFRASTRUCTURE,
    "migration": Dashboard.INFRASTRUCTURE,
    "backup": Dashboard.INFRASTRUCTURE,
    "retention": Dashboard.INFRASTRUCTURE,
    "certificates": Dashboard.INFRASTRUCTURE,
    "logs": Dashboard.HEALTH,
    "check_log_durations": Dashboard.PERFORMANCE,
    "check_log_mail": Dashboard.BUSINESS,
}


def dashboard_of(asked: AnyCheck) -> Dashboard:
    """Where its answer stands. What nobody sorted in, such as a team's own system, is health: that is read first."""
    kinds = [system.kind for system in asked.systems.values()]
    rooms = [f"{kind}/{part}" for kind in kinds for part in asked.fn.__module__.split(".")]
    for name in (asked.name, *rooms, *kinds):
        if name in BELONGS:
            return BELONGS[name]
    return Dashboard.HEALTH

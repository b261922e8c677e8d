"""An alert that is kept, taken once more: when what held it back is over, or because a person says so."""

from __future__ import annotations

from collections.abc import Mapping

from deployments.intake.quiet import quiet
from deployments.intake.settings import AlertSettings
from flows.journal.alerts import Kept
from flows.journal.taking import Told
from flows.opening.alert import Alert, State
from flows.opening.routing import Route, route
from flows.run.clock import now
from runbooks.catalog import Catalog
from runbooks.model import Severity


def understood(kept: Kept) -> Alert:
    """The alert as it was routed."""
    tags = kept.more.get("tags")
    return Alert(
        source=kept.source,
        fingerprint=kept.fingerprint,
        state=State(kept.state),
        title=kept.title,
        name=str(kept.more.get("name", "")),
        service=kept.service,
        environment=str(kept.more.get("environment", "")),
        severity=Severity(kept.severity) if kept.severity else None,
        tags={name: str(value) for name, value in tags.items()} if isinstance(tags, Mapping) else {},
    )


def told_again(kept: Kept, settings: AlertSettings, catalog: Catalog, by: str = "") -> Told:
    """As it is routed now. Where a person wants it, nothing damps it or holds it back."""
    alert = understood(kept)
    found = route(alert, settings.rules, catalog)
    return Told(
        fingerprint=kept.fingerprint,
        firing=True,
        title=kept.title,
        severity=kept.severity,
        service=kept.service,
        environment=kept.environment,
        runbook=found.runbook,
        why=_why(kept, found, by),
        urgent=alert.severity is Severity.P0,
        held=None if by else quiet(alert, kept.environment, now(), settings.quiet, settings.zones),
        gather_s=found.gather_s,
        by=by,
        more=kept.more,
    )


def _why(kept: Kept, found: Route, by: str) -> str:
    first = f"Alert {kept.alert} again, asked for by {by}." if by else f"Alert {kept.alert}, which was held back."
    return f"{first} {found.why}"

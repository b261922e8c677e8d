"""incident alerts replay, snooze: take an alert once more, or hold some back for a while."""

from __future__ import annotations

from datetime import timedelta

from deployments.commands.asking import who
from deployments.commands.context import here
from deployments.commands.terminal import errors, say
from deployments.intake import settings
from deployments.intake.again import told_again
from flows.journal.holding import Snooze
from flows.opening.alert import State
from flows.run.clock import now
from flows.told.words import plain

# Whoever needs longer changes the configuration: what is held back is forgotten.
LONGEST = timedelta(days=7)


def replay(alert: int, *, name: str | None = None) -> int:
    """Take an alert once more, as it would be routed now: for one that nobody claimed before you wrote a rule.

    An open incident of the same problem is joined; neither damping nor quiet hours hold it back.

    Parameters
    ----------
    alert
        Its number, as `incident alerts` lists it.
    name
        Who wants it. Left out: INCIDENT_APPROVER, or your login.
    """
    at = here()
    journal = at.journal()
    kept = journal.alerts.get(alert)
    if kept is None:
        errors.print(f"There is no alert {alert}. `incident alerts` lists the newest.")
        return 1
    if kept.state == State.RESOLVED:
        errors.print(f"Alert {alert} says that it is over: there is nothing to open. Name the one that said it fires.")
        return 1
    told = told_again(kept, settings.load(at.config, at.catalog), at.catalog, who(name))
    taken = journal.alerts.again(kept, f"replay/{alert}/{now().timestamp():.6f}", told)
    if taken is None or taken.opening is None:
        errors.print(plain(f"Nobody claims alert {alert}: {told.why}"))
        return 1
    what = "joins an open incident" if taken.joined else "opens an incident"
    say(f"Alert {alert} is alert {taken.alert} now, and {what} of {told.runbook}.")
    return 0


def snooze(
    alert: int | None = None,
    *,
    hold: timedelta,
    reason: str,
    service: str = "",
    environment: str = "",
    name: str | None = None,
) -> int:
    """Hold alerts back for a while: they are kept, and open nothing; what fires still is taken then. Never P0.

    Parameters
    ----------
    alert
        The number of one of them: its problem is held back.
    hold
        For how long, for example 2h; 0s ends it.
    reason
        Why, for whoever wonders.
    service
        All of this service; with `environment`, only there.
    environment
        All that is said of this environment.
    name
        Who says so. Left out: INCIDENT_APPROVER, or your login.
    """
    at = here()
    if not timedelta(0) <= hold <= LONGEST:
        errors.print(f"--hold {hold}: {LONGEST.days} days at most. What is held back for longer is forgotten.")
        return 2
    if environment:
        at.environment(environment)
    journal, fingerprint = at.journal(), ""
    if alert is not None:
        kept = journal.alerts.get(alert)
        if kept is None:
            errors.print(f"There is no alert {alert}. `incident alerts` lists the newest.")
            return 1
        fingerprint = kept.fingerprint
    wanted = Snooze(fingerprint=fingerprint, environment=environment, service=service, actor=who(name), reason=reason)
    until = journal.alerts.snooze(wanted, hold.total_seconds())
    say(f"Held back until {until:%Y-%m-%d %H:%M} UTC. `incident doctor` lists what is.")
    return 0

"""What Prometheus reads of an intake: of itself, and of the series in its database."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from deployments.intake.intake import Intake
from flows.told.dashboards import Dashboard


class _Collector(Collector):
    """Made for each reading: the counts are the intake's own."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def collect(self) -> Iterator[Metric]:
        counts = self._intake.counts
        of_source = {
            "received": ("Deliveries that were stored.", counts.received),
            "opened": ("Alerts that opened an incident.", counts.opened),
            "joined": ("Alerts that joined an open incident.", counts.joined),
            "unclaimed": ("Alerts that opened nothing.", counts.unclaimed),
        }
        for name, (says, values) in of_source.items():
            family = CounterMetricFamily(f"incident_alerts_{name}", says, labels=["source"])
            for source in self._intake.settings.sources:
                family.add_metric([source], values[source])
            yield family
        refused = CounterMetricFamily("incident_alerts_refused", "Deliveries refused.", labels=["source", "reason"])
        for (source, why), number in list(counts.refused.items()):
            refused.add_metric([source, why], number)
        yield refused
        age = GaugeMetricFamily("incident_alerts_last_delivery_age_seconds", "Since the last one.", labels=["source"])
        for source, at_s in list(counts.last_s.items()):
            age.add_metric([source], time.time() - at_s)
        yield age
        yield from self._backlog()

    def _backlog(self) -> Iterator[Metric]:
        """Of all services over this database; nothing while that does not answer."""
        found = self._intake.backlog()
        if found is not None:
            yield GaugeMetricFamily("incident_openings_waiting", "Opened, and without a run.", found.waiting)
            yield GaugeMetricFamily("incident_openings_oldest_waiting_seconds", "Of these.", found.oldest_s)
            yield CounterMetricFamily("incident_openings_dispatched", "Runs created.", found.dispatched)


class _Series(Collector):
    """Made for each reading: the newest answer of every check. Its facts are left out; they are too many."""

    def __init__(self, intake: Intake) -> None:
        self._answers = intake.newest()
        self._dashboards = intake.dashboards

    def collect(self) -> Iterator[Metric]:
        labels = ["environment", "check", "dashboard"]
        value = GaugeMetricFamily("incident_check_value", "The last number, in its unit.", labels=[*labels, "unit"])
        verdict = GaugeMetricFamily(
            "incident_check_verdict", "The last answer: 0 OK, 1 WARN, 2 UNKNOWN, 3 BAD.", labels=labels
        )
        age = GaugeMetricFamily("incident_check_age_seconds", "Since the last answer.", labels=labels)
        for one in self._answers:
            # What nobody declares any more is health: as in a report.
            named = [one.environment, one.check, self._dashboards.get(one.check, Dashboard.HEALTH).value.lower()]
            if one.value is not None:
                value.add_metric([*named, one.unit], one.value)
            verdict.add_metric(named, one.verdict)
            age.add_metric(named, one.age_s)
        yield from (value, verdict, age)


def exposition(intake: Intake) -> bytes:
    """The intake's own figures in Prometheus' text format."""
    return _text(_Collector(intake))


def series_exposition(intake: Intake) -> bytes:
    """The newest answers in the same format: those of one intake are those of all over its database.

    Raises:
        Refused: the database does not answer. Nothing is better than what was.
    """
    return _text(_Series(intake))


def _text(collector: Collector) -> bytes:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)

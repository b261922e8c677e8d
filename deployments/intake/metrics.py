"""What Prometheus reads of an intake."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from deployments.intake.intake import Intake


class _Collector:
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


def exposition(intake: Intake) -> bytes:
    """The figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Collector(intake))
    return generate_latest(registry)

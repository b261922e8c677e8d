"""The few series we need out of the thousands that a metrics endpoint tells (Prometheus' text format)."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One number of a series, and what it is about."""

    labels: Mapping[str, str]
    value: float


def samples(text: str, wanted: Collection[str]) -> dict[str, list[Sample]]:
    """The samples of the `wanted` series.

    Line by line: Supabase's endpoint repeats a label within one line of its pooler's series, which the format forbids,
    and the parser then refuses the whole page.
    """
    found: dict[str, list[Sample]] = {name: [] for name in wanted}
    for line in text.splitlines():
        name = _NAME.match(line)
        if name is None or name[0] not in found:
            continue
        try:
            parsed = [one for family in text_string_to_metric_families(f"{line}\n") for one in family.samples]
        except ValueError as error:
            _log.info("A line of %s cannot be read: %s", name[0], error)
            continue
        # NaN says that the exporter could not look either.
        known = [one for one in parsed if math.isfinite(one.value)]
        found[name[0]] += [Sample(labels=one.labels, value=float(one.value)) for one in known]
    return found

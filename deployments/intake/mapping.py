"""Any JSON: each field of the alert is named by a JMESPath expression. https://jmespath.org

The mapping is tried with the sample beside it when the service starts, not when the first alert comes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deployments.intake.source import Source
from flows.opening.alert import Alert, State, alert
from runbooks.model import Severity
from tasks.json_path import Expression, found


class Fields(BaseModel):
    """Where each field stands in one alert; `each` finds the alerts of a delivery, which is one without it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    each: Expression = ""
    title: Expression
    fingerprint: Expression
    state: Expression = ""
    name: Expression = ""
    service: Expression = ""
    environment: Expression = ""
    severity: Expression = ""
    description: Expression = ""
    link: Expression = ""


class Mapped(Source):
    """`fields` says where the alert's fields stand, `resolved` which words of `state` mean that it is over."""

    fields: Fields
    resolved: tuple[str, ...] = ("resolved", "ok", "recovered", "closed", "up")
    severities: Mapping[str, Severity] = Field(default_factory=dict)
    example: str

    @model_validator(mode="after")
    def _try_example(self) -> Mapped:
        try:
            alerts = list(self.alerts(json.loads(self.example)))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"`example` cannot be read with these `fields`: {error}") from error
        if not alerts:
            raise ValueError("`fields` find no alert in `example`")
        return self

    def alerts(self, body: dict[str, Any]) -> Iterator[Alert]:
        each = found(self.fields.each, body) if self.fields.each else [body]
        for one in each or ():
            yield self._alert(one)

    def _alert(self, one: object) -> Alert:
        said = {name: self._text(name, one) for name in type(self.fields).model_fields if name != "each"}
        for needed in ("title", "fingerprint"):
            if not said[needed]:
                raise ValueError(f"no {needed} at {getattr(self.fields, needed)!r}")
        over = said.pop("state").lower() in {word.lower() for word in self.resolved}
        return alert(
            self.name,
            fingerprint=f"{self.name}:{said.pop('fingerprint')}",
            state=State.RESOLVED if over else State.FIRING,
            severity=self._severity(said.pop("severity")),
            links=(said.pop("link"),),
            **said,
        )

    def _text(self, name: str, one: object) -> str:
        expression = getattr(self.fields, name)
        lies = found(expression, one) if expression else None
        return "" if lies is None else lies if isinstance(lies, str) else json.dumps(lies)

    def _severity(self, word: str) -> Severity | None:
        known = {**{one.value.lower(): one for one in Severity}, **{k.lower(): v for k, v in self.severities.items()}}
        return known.get(word.lower())

    def body(self, now_s: float) -> bytes:
        """The example, told from the one that was sent before."""
        return json.dumps({**json.loads(self.example), "sample_sent_at": now_s}).encode()

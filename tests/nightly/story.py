"""What a story of the real n8n begins with, and what the stories before it made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tasks.n8n.system import N8n
from tasks.service.system import N8nService
from tests.nightly.workshop import Target, Workshop


@dataclass(kw_only=True)
class Story:
    """`few` is a key that may list workflows only; `ids` are the workflows by name."""

    door: N8n
    few: str
    service: N8nService
    shop: Workshop
    target: Target
    folder: Path
    database: str
    settings: dict[str, str]
    record: bool = False
    ids: dict[str, str] = field(default_factory=dict)

    def expecting(self, *names: str, within_s: float = 900) -> N8n:
        return self.door.model_copy(update={"expected": dict.fromkeys(names, within_s)})

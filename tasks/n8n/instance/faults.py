"""Ways to take n8n away."""

from __future__ import annotations

from tasks.fault import Fault
from tasks.service.system import N8nService


class StopN8n(Fault):
    """Stop n8n, and leave it stopped."""

    def cause(self, n8n_service: N8nService) -> N8nService:
        n8n_service.halt()
        return n8n_service

    def cure(self, trouble: N8nService) -> None:
        if not trouble.running():
            trouble.start_again()

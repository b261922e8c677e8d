"""Ways to make Anthropic ill that lets itself be told to (`drill_file`), as the lab's does."""

from __future__ import annotations

from tasks.claude.system import Claude
from tasks.fault import Fault
from tasks.paid_api.faults import Told, revoke_key, untell


class RevokeClaudeKey(Fault):
    """Revoke the key that the application uses at Anthropic."""

    def cause(self, claude: Claude) -> Told:
        return revoke_key(claude)

    def cure(self, trouble: Told) -> None:
        untell(trouble)

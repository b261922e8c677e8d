"""Ways to make Unipile ill that lets itself be told to (`drill_file`), as the lab's does."""

from __future__ import annotations

from tasks.fault import Fault
from tasks.model import Refused
from tasks.paid_api.faults import Told, revoke_key, tell, untell
from tasks.unipile.system import Unipile


class RevokeUnipileKey(Fault):
    """Revoke the key that the application uses at Unipile."""

    def cause(self, unipile: Unipile) -> Told:
        return revoke_key(unipile)

    def cure(self, trouble: Told) -> None:
        untell(trouble)


class DisconnectAccount(Fault):
    """Have LinkedIn log an account out."""

    def cause(self, unipile: Unipile) -> Told:
        lost = next((one for one in unipile.accounts() if one.well), None)
        if lost is None:
            raise Refused("Unipile has no account that is well, and could be disconnected.")
        return tell(unipile, accounts={lost.id: "CREDENTIALS"})

    def cure(self, trouble: Told) -> None:
        untell(trouble)
        links = trouble.api.links_file if isinstance(trouble.api, Unipile) else None
        if links is not None:
            links.unlink(missing_ok=True)

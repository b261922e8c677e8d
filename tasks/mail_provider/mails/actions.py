"""What can be done about what becomes of our mails at the provider."""

from __future__ import annotations

from tasks.mail_provider.access.actions import PauseSending


class PauseForReputation(PauseSending):
    """Pause all sending at the mail provider, before it does so itself.

    For when readers complain: each further mail makes it worse, and whom a provider has stopped waits for days. Stop
    the one campaign instead, where it is known which.
    """

"""The lab's mail server: it takes mail in, and shows mailboxes."""

from __future__ import annotations

from deployments.lab import certificates, mail
from deployments.lab.piece import Piece, Place, Values


def _prepare(place: Place) -> None:
    mail.prepare(place.folder)
    certificates.issue(place.folder)


def _values(place: Place) -> Values:
    return {**mail.settings(place.folder, place.ports), "mail_ca": str(place.folder / certificates.CA)}


PIECE = Piece(script=mail.SCRIPT, ports=(mail.SMTP, mail.IMAP), prepare=_prepare, values=_values)

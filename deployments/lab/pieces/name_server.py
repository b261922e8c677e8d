"""The lab's name server, and the domain that the lab would send mail from."""

from __future__ import annotations

from pathlib import Path

from deployments.lab import mail_domain
from deployments.lab.piece import Piece, Place, Values

PORT = "name_server"
# Not imported: it takes dnspython, and who starts a lab need not wait for that.
SCRIPT = str(Path(mail_domain.__file__).with_name("name_server.py"))


def _prepare(place: Place) -> None:
    mail_domain.prepare(place.folder)


def _values(place: Place) -> Values:
    return {
        "server": f"127.0.0.1:{place.ports[PORT]}",
        "key_name": mail_domain.KEY_NAME,
        "key": mail_domain.key_of(place.folder),
        "domain": mail_domain.DOMAIN,
        "subdomains": list(mail_domain.SUBDOMAINS),
        "selector": mail_domain.SELECTOR,
        "sends_from": mail_domain.SENDS_FROM,
        "spf": mail_domain.SPF,
        "dkim_name": f"{mail_domain.SELECTOR}._domainkey.{mail_domain.DOMAIN}",
        "dkim": mail_domain.DKIM,
        "dmarc_name": f"_dmarc.{mail_domain.DOMAIN}",
        "dmarc": mail_domain.DMARC,
        "ip_list": mail_domain.IP_LIST,
        "name_list": mail_domain.NAME_LIST,
    }


PIECE = Piece(script=SCRIPT, ports=(PORT,), prepare=_prepare, values=_values)

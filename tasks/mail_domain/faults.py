"""Ways to break a sending domain's records, at a name server of a lab or of staging that takes updates."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.fault import Fault
from tasks.mail_domain.declared import Place, data, places, values
from tasks.mail_domain.system import MailDomain
from tasks.model import Refused

TTL_S = 300
# A good key (Ed25519), and nobody's: the half that signs was thrown away.
FOREIGN_KEY = "SQnkmT0KTploNoGPJfPh1aaMXdk255k4e7Desnerk1M="


@dataclass(frozen=True)
class Replaced:
    """What stood somewhere before a fault."""

    mail_domain: MailDomain
    name: str
    kind: str
    before: tuple[str, ...]
    ttl_s: int


class _Published(Fault):
    """Publish something else in the place of a declared record."""

    def _instead(self, mail_domain: MailDomain, version: str, *wrong: str) -> Replaced:
        """Put `wrong` where the declared record of `version` stands; other records under the name stay."""
        place = _declared(mail_domain, version)
        before = place.looked.records
        kept = [text for text, value in zip(before, values(place.looked), strict=True) if value not in place.found]
        _put(mail_domain, place.name, place.kind, (*kept, *(data(place.kind, value) for value in wrong)))
        return Replaced(mail_domain, place.name, place.kind, before, place.looked.ttl_s or TTL_S)

    def cure(self, trouble: Replaced) -> None:
        _put(trouble.mail_domain, trouble.name, trouble.kind, trouble.before, trouble.ttl_s)


class RemoveSpf(_Published):
    """Remove the SPF record."""

    def cause(self, mail_domain: MailDomain) -> Replaced:
        return self._instead(mail_domain, "spf1")


class PublishSecondSpf(_Published):
    """Publish a second SPF record beside the first."""

    def cause(self, mail_domain: MailDomain) -> Replaced:
        first = _declared(mail_domain, "spf1").wanted[0]
        return self._instead(mail_domain, "spf1", first, "v=spf1 include:newsletter.example -all")


class RemoveDkim(_Published):
    """Remove a DKIM key."""

    def cause(self, mail_domain: MailDomain) -> Replaced:
        return self._instead(mail_domain, "dkim1")


class PublishForeignKey(_Published):
    """Publish a DKIM key that is not the one that signs."""

    def cause(self, mail_domain: MailDomain) -> Replaced:
        return self._instead(mail_domain, "dkim1", f"v=DKIM1; k=ed25519; p={FOREIGN_KEY}")


class RemoveDmarc(_Published):
    """Remove the DMARC record."""

    def cause(self, mail_domain: MailDomain) -> Replaced:
        return self._instead(mail_domain, "dmarc1")


class MisspellDmarc(_Published):
    """Publish a DMARC record with its version misspelt."""

    def cause(self, mail_domain: MailDomain) -> Replaced:
        return self._instead(mail_domain, "dmarc1", "v=DMARC1.; p=none")


class ListAddress(Fault):
    """Put an address that mail leaves from on a blocklist."""

    def cause(self, mail_domain: MailDomain) -> Replaced:
        lists = [one for one in mail_domain.blocklists if one.lists == "ips"]
        if not (lists and mail_domain.sends_from and mail_domain.update):
            raise Refused(
                f"{mail_domain.domain} has no address that could be listed here.",
                remedy="In a lab of yours, name `sends_from`, a list of your own in `blocklists`, and `update`: the "
                "server that answers for that list.",
            )
        name = lists[0].question(str(mail_domain.sends_from[0]))
        # The server answers for the list as for a domain of its own.
        there = mail_domain.model_copy(update={"update": mail_domain.update.model_copy(update={"zone": lists[0].zone})})
        _put(there, name, "A", ("127.0.0.2",))
        return Replaced(there, name, "A", (), TTL_S)

    def cure(self, trouble: Replaced) -> None:
        _put(trouble.mail_domain, trouble.name, trouble.kind, trouble.before, trouble.ttl_s)


def _declared(mail_domain: MailDomain, version: str) -> Place:
    """The first place for which a record of `version` is declared, as it stands now."""
    found = [place for place in places(mail_domain.records, mail_domain.updates().look) if place.meant == version]
    if not found or found[0].looked.aliases:
        raise Refused(
            f"No {version} record of {mail_domain.domain} is declared that could be broken.",
            remedy="Declare it under `records`, at a name of the domain's own.",
        )
    return found[0]


def _put(mail_domain: MailDomain, name: str, kind: str, records: tuple[str, ...], ttl_s: int = TTL_S) -> None:
    """Let exactly `records` stand there, whatever does now."""
    updates = mail_domain.updates()
    before = updates.look(name, kind).records
    if sorted(before) != sorted(records):
        updates.replace(name, kind, before=before, after=records, ttl_s=ttl_s)

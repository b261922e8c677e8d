"""Changes to a zone by dynamic update (RFC 2136), signed, and only if what is there is still what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from tasks.dns.exchange import named
from tasks.dns.looked import Looked
from tasks.dns.system import Authority, server
from tasks.model import CannotLook, Refused

if TYPE_CHECKING:
    from dns.rdataset import Rdataset
    from dns.update import UpdateMessage

# By the number of the answer (RFC 2136, 2.2): what it means for whoever asked.
MEANS = {
    5: "refuses the change: the key may not write there",
    6: "says that something is there which was not: look again",
    7: "says that records are there which were not: look again",
    8: "says that the records are no longer those which were seen: look again",
    9: "does not know the key, or is not the one to change this zone",
    10: "says that the name lies in another zone: set `zone`",
}


@dataclass(frozen=True, kw_only=True)
class Updates:
    """The one server that takes changes to a zone (its primary), and the key they are signed with."""

    server: str
    zone: str
    key_name: str
    key: SecretStr
    algorithm: str = "hmac-sha256"
    limit_s: float = 5.0

    def look(self, name: str, kind: str) -> Looked:
        """What stands there now, by the server's own word: asked each time, for it is about to change.

        Raises:
            CannotLook: it did not answer.
        """
        looked = Authority(servers=(self.server,), limit_s=self.limit_s).look(name, kind)
        if not looked.answered:
            raise CannotLook(f"The server for updates, {self.server}, was asked for {name} {kind}: {looked.said}.")
        return looked

    def replace(self, name: str, kind: str, *, before: Sequence[str], after: Sequence[str], ttl_s: int) -> None:
        """Put the records `after` in the place of `before`, all that stand there, as a zone file has them.

        Nothing is changed unless exactly `before` stands there. Done a second time it changes nothing, and is refused.

        Raises:
            Refused: something else stands there, or the server does not take changes from us.
            CannotLook: it did not answer; it may have been done.
        """
        import dns.rcode

        update = self._begun()
        where = named(name)
        if before:
            # A condition has no time to live (RFC 2136, 2.4.2): knot refuses one that has.
            update.present(where, _set(kind, before, 0))
        else:
            update.absent(where, kind)
        gone, new = [one for one in before if one not in after], [one for one in after if one not in before]
        if gone:
            update.delete(where, _set(kind, gone, ttl_s))
        if new:
            update.add(where, _set(kind, new, ttl_s))
        code = self._answered(update)
        if code:
            said = MEANS.get(code, f"answers {dns.rcode.to_text(dns.rcode.Rcode.make(code))}")
            raise Refused(f"{self.server} {said} ({name} {kind}).", remedy="Nothing was changed. Plan it again.")

    def _begun(self) -> UpdateMessage:
        import dns.exception
        import dns.tsig
        import dns.update

        try:
            key = dns.tsig.Key(named(self.key_name), self.key.get_secret_value(), self.algorithm)
            return dns.update.UpdateMessage(self.zone, keyring=key)
        except (ValueError, NotImplementedError, dns.exception.DNSException):
            # Its words might hold the key.
            raise Refused(
                f"The key {self.key_name} for updates of {self.zone} cannot be used.",
                remedy="`key` is base64, as tsig-keygen writes it; `algorithm` its name, like hmac-sha256.",
            ) from None

    def _answered(self, update: UpdateMessage) -> int:
        import dns.exception
        import dns.query

        address, port = server(self.server)
        try:
            return int(dns.query.tcp(update, address, port=port, timeout=self.limit_s).rcode())
        except dns.exception.FormError:
            # dnspython hides the code of an answer that ought to be signed and is not; as most refusals are.
            raise CannotLook(
                f"{self.server} answers a signed change without a signature: it does not know the key {self.key_name}, "
                "or takes no changes.",
                remedy="Compare `key_name`, `key` and `algorithm` with the server's.",
            ) from None
        except (dns.exception.DNSException, OSError, EOFError) as error:
            if type(error).__module__ == "dns.tsig":
                raise Refused(
                    f"{self.server} does not believe our signature ({type(error).__name__}).",
                    remedy="Compare `key_name`, `key` and `algorithm` with the server's, and both clocks.",
                ) from None
            raise CannotLook(f"{self.server} did not answer a change ({type(error).__name__}).") from None


def _set(kind: str, records: Sequence[str], ttl_s: int) -> Rdataset:
    import dns.rdataset

    return dns.rdataset.from_text_list("IN", kind, ttl_s, list(records))

"""One question to one name server: over UDP, over TCP where the answer is too long, and the answer in our words."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.dns.looked import Looked, Outcome
from tasks.excerpt import excerpt
from tasks.model import Refused

if TYPE_CHECKING:
    from dns.message import Message, QueryMessage
    from dns.name import Name
    from dns.rdataset import Rdataset

# What gets lost is asked for again: UDP promises nothing. A resolver that has to ask far away needs a second.
TRY_S = 1.2
# RFC 8914: validation failed, and how.
OF_DNSSEC = frozenset({1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 25, 27})
MOST_WORDS = 160
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 1, 2, 3, 4, 5
CODES = {SERVFAIL: Outcome.FAILED, NXDOMAIN: Outcome.NO_SUCH_NAME, REFUSED: Outcome.REFUSED}


class NoAnswer(Exception):
    """A server did not answer, or not so that it can be read."""

    def __init__(self, outcome: Outcome, why: str = "") -> None:
        super().__init__(why or outcome.value)
        self.outcome, self.why = outcome, why


@dataclass(frozen=True, kw_only=True)
class Server:
    """A name server, and how it is asked: `recursive` as a resolver, otherwise only for what it answers for itself."""

    address: str
    port: int
    recursive: bool = True

    def look(self, name: str, kind: str, until: float) -> Looked:
        """Its answer by `until`, of time.monotonic().

        Raises:
            Refused: `name` is no name.
        """
        try:
            answer = self._validated(name, kind, until)
            return _read(name, kind, answer) if self.recursive else self._own(name, kind, answer)
        except NoAnswer as error:
            return Looked(name=name, kind=kind, outcome=error.outcome, why=error.why)

    def _own(self, name: str, kind: str, answer: Message) -> Looked:
        """From a server that is asked for its own zone: a word of another's is none."""
        import dns.flags

        looked = _read(name, kind, answer)
        if looked.answered and not answer.flags & dns.flags.AA:
            raise NoAnswer(Outcome.REFUSED, "it does not answer for this name itself")
        return looked

    def _validated(self, name: str, kind: str, until: float) -> Message:
        """The answer; a failure that goes away without validation is one of DNSSEC."""
        import dns.flags
        import dns.rcode

        answer = self._asked(name, kind, until)
        if answer.rcode() == FORMERR or answer.rcode() == NOTIMP:
            # Servers older than EDNS (1999) refuse what they do not know.
            answer = self._asked(name, kind, until, edns=False)
        if answer.rcode() != SERVFAIL:
            return answer
        told = [option for option in answer.options if int(option.otype) == 15]
        said = "; ".join(filter(None, (_ede(option) for option in told)))
        if any(int(getattr(option, "code", 0)) in OF_DNSSEC for option in told):
            raise NoAnswer(Outcome.BOGUS, said)
        if self.recursive and time.monotonic() < until:
            unchecked = self._asked(name, kind, until, flags=dns.flags.RD | dns.flags.CD)
            if unchecked.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                raise NoAnswer(Outcome.BOGUS, "asked without validation, the same server answers")
        raise NoAnswer(Outcome.FAILED, said)

    def _asked(self, name: str, kind: str, until: float, *, edns: bool = True, flags: int | None = None) -> Message:
        import dns.flags
        import dns.message

        wanted = flags if flags is not None else int(dns.flags.RD) if self.recursive else 0
        query = dns.message.make_query(named(name), kind, use_edns=0 if edns else -1, flags=wanted, payload=1232)
        while True:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise NoAnswer(Outcome.TIMED_OUT)
            answer = self._sent(query, left_s)
            if answer is not None:
                return answer

    def _sent(self, query: QueryMessage, left_s: float) -> Message | None:
        """One attempt; None when it got no answer and another may follow."""
        import dns.exception
        import dns.message
        import dns.query

        where, waits_s = {"where": self.address, "port": self.port}, min(TRY_S, left_s)
        try:
            try:
                return dns.query.udp(query, timeout=waits_s, ignore_unexpected=True, raise_on_truncation=True, **where)  # type: ignore[arg-type]
            except dns.message.Truncated:
                return dns.query.tcp(query, timeout=left_s, **where)  # type: ignore[arg-type]
        except dns.exception.Timeout:
            return None
        except EOFError:
            # dnspython lets it through as it is; neither an OSError nor a DNSException.
            raise NoAnswer(Outcome.TIMED_OUT, "it ended the TCP connection without an answer") from None
        except OSError as error:
            raise NoAnswer(Outcome.TIMED_OUT, error.strerror or "it cannot be reached") from None
        except dns.exception.DNSException as error:
            raise NoAnswer(Outcome.NONSENSE, type(error).__name__) from None


def named(text: str) -> Name:
    """`text` as a whole name.

    Raises:
        Refused: it is none.
    """
    import dns.exception
    import dns.name

    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise Refused(f"{excerpt(text, 80)!r} is no name: {error}.") from None


def _read(name: str, kind: str, answer: Message) -> Looked:
    """What a message says, with the chain of CNAMEs that leads to the records."""
    import dns.exception
    import dns.message
    import dns.rcode

    code = answer.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise NoAnswer(CODES.get(int(code), Outcome.NONSENSE), "" if int(code) in CODES else dns.rcode.to_text(code))
    try:
        # Our question was a query, so its answer is one.
        chain = answer.resolve_chaining()  # type: ignore[attr-defined]
    except dns.message.ChainTooLong:
        raise NoAnswer(Outcome.NONSENSE, "its CNAMEs lead in a circle") from None
    except dns.exception.DNSException as error:
        raise NoAnswer(Outcome.NONSENSE, type(error).__name__) from None
    aliases = tuple(plain(one[0].target.to_text()) for one in chain.cnames)
    ttl_s = int(chain.minimum_ttl)
    if chain.answer is None:
        none = Outcome.NO_SUCH_NAME if code == dns.rcode.NXDOMAIN else Outcome.NO_SUCH_RECORD
        return Looked(name=name, kind=kind, outcome=none, aliases=aliases, ttl_s=ttl_s)
    records, strings = _texts(chain.answer)
    return Looked(
        name=name, kind=kind, outcome=Outcome.FOUND, records=records, strings=strings, aliases=aliases, ttl_s=ttl_s
    )


def _texts(found: Rdataset) -> tuple[tuple[str, ...], tuple[tuple[bytes, ...], ...]]:
    both = sorted((record.to_text(), tuple(getattr(record, "strings", ()))) for record in found)
    return tuple(text for text, _ in both), tuple(strings for _, strings in both if strings)


def _ede(option: object) -> str:
    """An extended error (RFC 8914) in words: its text comes from outside."""
    import dns.edns

    code = int(getattr(option, "code", 0))
    try:
        name = dns.edns.EDECode(code).name.lower().replace("_", " ")
    except ValueError:
        name = f"extended error {code}"
    text = excerpt(str(getattr(option, "text", "") or ""), MOST_WORDS)
    return f"{name}: {text}" if text else name


def plain(name: str) -> str:
    """A name without its last dot, in small letters: as people write and compare it."""
    return (name[:-1] if name.endswith(".") and name != "." else name).lower()

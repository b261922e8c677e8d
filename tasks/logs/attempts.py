"""Who tried to get in within the last hour, and how it ended: by the network it came from, and by account."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tasks.excerpt import excerpt
from tasks.kept import asked_once
from tasks.logs.entries import Entry
from tasks.logs.heavy import Heavy
from tasks.logs.hint import LOGINS, Words
from tasks.logs.looking import Looked, look
from tasks.logs.origin import Network, account, masked, origin, shown, without_account
from tasks.logs.patterns import limited, login_failed, login_worked
from tasks.logs.system import LogFile, Logs
from tasks.model import Row

WITHIN_S = 3600.0
# Networks and accounts that are kept apart: what comes more often than one in so many is among them.
MOST_APART = 4096
# Of one network, the accounts that it tried, and of one account, the networks it was tried from.
MOST_OF_ONE = 50
SAMPLE = 200
# So many refusals before it: a person who mistypes gets in after fewer.
GUESSED = 10
LIMITED = (b" 429 ", b'"429"', b":429", b"=429", b"rate limit", b"rate-limit", b"rate_limit", b"too many requests",
           b"limiting requests", b"throttled")  # fmt: skip
WORKED = (b"accepted ", b"logged in", b"signed in")


@dataclass
class Source:
    """A network that requests came from: refused logins, those let in, those let in after many refusals, 429s."""

    network: Network
    failed: int = 0
    worked: int = 0
    guessed: int = 0
    limited: int = 0
    last_s: float = 0.0
    services: set[str] = field(default_factory=set)
    accounts: Heavy[str] = field(default_factory=lambda: Heavy(MOST_OF_ONE))
    let_in: set[str] = field(default_factory=set)
    sample: str = ""

    @property
    def row(self) -> Row:
        """For people: accounts are masked, and what stood in a line is quoted."""
        tried = [f"{masked(name)}: {times:,}" for name, times in self.accounts.often()[:3]]
        return {
            "from": shown(self.network),
            "failed": self.failed,
            "let_in": self.worked,
            "limited": self.limited,
            "services": ", ".join(sorted(self.services)),
            "accounts": ", ".join(tried),
            "sample": self.sample,
        }


@dataclass
class Tried:
    """An account: how often a login to it was refused, and from which networks."""

    name: str
    failed: int = 0
    networks: set[Network] = field(default_factory=set)


@dataclass
class Attempts:
    """What the logs tell of the last hour. `unknown`: refused logins of lines that tell no address beyond doubt."""

    since_s: float
    looked: Sequence[Looked] = ()
    failed: int = 0
    unknown: int = 0
    sources: dict[Network, Source] = field(default_factory=dict)
    tried: dict[str, Tried] = field(default_factory=dict)
    _room: Heavy[Network] = field(default_factory=lambda: Heavy(MOST_APART))
    _room_of_accounts: Heavy[str] = field(default_factory=lambda: Heavy(MOST_APART))

    def take(self, logs: Logs, log: LogFile, entry: Entry) -> None:
        """Count what one line tells."""
        line = entry.line
        failed, slowed = login_failed(line), limited(line)
        worked = not failed and login_worked(line)
        if not (failed or slowed or worked):
            return
        network, name = origin(line, logs.proxies), account(line)
        self.failed += failed
        if failed and name:
            self._try(name, network)
        if network is None:
            self.unknown += failed
            return
        source = self._source(network)
        if source is None:
            return
        source.failed += failed
        source.limited += slowed
        if worked:
            source.worked += 1
            # Of an office many people mistype; whoever guesses does it on one account.
            refused = source.accounts.counts.get(name, 0) if name else source.failed
            source.guessed += refused >= GUESSED
            source.let_in |= {name} if name and len(source.let_in) < MOST_OF_ONE else set()
        source.last_s = max(source.last_s, line.at_s or 0.0)
        source.services |= {log.service} if len(source.services) < MOST_OF_ONE else set()
        source.sample = source.sample or excerpt(without_account(entry.text, name), SAMPLE)
        if failed and name:
            source.accounts.add(name)

    def by_account(self, without: Collection[Network] = ()) -> list[Tried]:
        """The accounts that were tried; what came from the networks `without` is taken off, as far as it is known."""
        if not without:
            return list(self.tried.values())
        off: Counter[str] = Counter()
        for network in without:
            for name, times in self.sources[network].accounts.often() if network in self.sources else ():
                off[_key(name)] += times
        left = [
            Tried(name=one.name, failed=one.failed - off[key], networks=one.networks - set(without))
            for key, one in self.tried.items()
        ]
        return [one for one in left if one.failed > 0]

    def _source(self, network: Network) -> Source | None:
        if not self._room.add(network):
            self.sources = {one: self.sources[one] for one in self._room.counts if one in self.sources}
            return None
        return self.sources.setdefault(network, Source(network=network))

    def _try(self, name: str, network: Network | None) -> None:
        key = _key(name)
        if not self._room_of_accounts.add(key):
            self.tried = {one: self.tried[one] for one in self._room_of_accounts.counts if one in self.tried}
            return
        one = self.tried.setdefault(key, Tried(name=name))
        one.failed += 1
        if network is not None and len(one.networks) < MOST_OF_ONE:
            one.networks.add(network)


def _key(name: str) -> str:
    """By which two spellings are the same account."""
    return name.strip().casefold()


def attempts(logs: Logs, within_s: float = WITHIN_S) -> Attempts:
    """Read what every log tells of the last `within_s` seconds, once for all questions of a round."""
    key = ("attempts", within_s, logs.proxies, tuple(log.path for log in logs.files))
    return asked_once(key, lambda: _read(logs, within_s))


def _read(logs: Logs, within_s: float) -> Attempts:
    found = Attempts(since_s=time.time() - within_s)
    # No look before: what other questions have read already counts here, too.
    told = logs.model_copy(update={"first_look_s": within_s})
    words = Words((*LOGINS, *LIMITED, *WORKED))
    found.looked = look(told, None, words, lambda log, entry: found.take(logs, log, entry))
    return found

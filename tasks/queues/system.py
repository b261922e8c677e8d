"""The door to job queues as BullMQ and Bull keep them: looks by scripts that may only read, each of them bounded."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SecretStr

from tasks.kept import asked_once
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.postgres.words import count
from tasks.queues import scripts
from tasks.queues.found import Failed, Finished, Group, Look, reason_class
from tasks.redis.system import Name, RedisServer, Session

# What a change takes: BullMQ's own scripts, which write. FLUSHDB is a writing command, too, and a dangerous one.
CHANGING = "+@read +@write +@scripting -@dangerous +info +ping +time +client|list +client|setname +select"
# What we keep on the server ourselves begins so: jobs that were taken out, and whom we have paused.
ASIDE = "incident:"
# Of the keyspace, to find queues by their keys: two million keys are two hundred such pages, half a second.
PAGE, PAGES = 10_000, 300
MOST_QUEUES = 100
# A page of a script holds everybody else up for some milliseconds. So many failed jobs are looked at in all.
FAILED_PAGE, FAILED_MOST = 1000, 100_000
ACTIVE_PAGE, ACTIVE_MOST = 500, 10_000
EVENTS = 10_000
SCHEDULERS = 1000
_GLOB = re.compile(r"([*?\[\]\\^-])")
# As a person can read it: neither library takes a colon.
_NAME = re.compile(r"^[^:\s\x00-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2066-\u2069]{1,200}$")
Queue = Annotated[str, Field(pattern=_NAME)]


class Queues(RedisServer):
    """The queues of one application on one Redis or Valkey server.

    `names` are those that are asked about; none: all that are found by their keys. Whatever changes a queue does so as
    `action_username`, by BullMQ's own scripts. `major` is BullMQ's, where no producer in Node writes it down.
    """

    kind: ClassVar[str] = "queues"
    config_lines: ClassVar[str] = (
        'host = "127.0.0.1"\n'
        'username = "incident"                   # may read, as for `redis`\n'
        'password = "${REDIS_PASSWORD}"\n'
        'names = ["emails"]                      # without it: all that are found\n'
        'action_username = "incident-operator"   # may change queues; without it they are looked at only\n'
        'action_password = "${REDIS_ACTION_PASSWORD}"'
    )

    prefix: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x20\x7f]+$")] = "bull"
    names: Annotated[tuple[Queue, ...], Field(max_length=MOST_QUEUES)] = ()
    major: Literal[5, 6] | None = None
    action_username: Name | None = None
    action_password: SecretStr | None = None
    # Read by a worker that can be told to fail, as the lab's is. Never set it in production.
    drill_file: Path | None = None

    def base(self, queue: str) -> str:
        """What the keys of a queue begin with."""
        return f"{self.prefix}:{queue}:"

    @contextmanager
    def acting(self) -> Iterator[Session]:
        """Connect as the account that changes.

        Raises:
            Refused: none is configured, or it is not let in. CannotLook: the server does not answer.
        """
        with self.session_as(self.action_username, self._action_password()) as session:
            yield session

    @asynccontextmanager
    async def acting_asynchronously(self) -> AsyncIterator[Any]:
        """The same as redis-py's asynchronous client, which the vendor's package takes."""
        async with self.asynchronous(self.action_username, self._action_password()) as client:
            yield client

    def _action_password(self) -> SecretStr:
        if self.action_password is None:
            raise Refused(
                f"No account is configured that may change queues on {self.address}.",
                remedy='action_username = "incident-operator"\naction_password = "${REDIS_ACTION_PASSWORD}"\n'
                f"# ACL SETUSER incident-operator on >… resetchannels ~{self.prefix}:* ~{ASIDE}* -@all {CHANGING}",
            )
        return self.action_password

    def queues(self) -> tuple[str, ...]:
        """The configured queues, or all that are there, by name. Asked once a round.

        Raises:
            CannotLook: there are too many, or too many other keys, to tell.
        """
        return self.names or asked_once((self, "queues"), self._found)

    def _found(self) -> tuple[str, ...]:
        # `meta` is BullMQ's, `id` is of both: a queue whose jobs all have ids of their own has no `id`.
        pattern = _GLOB.sub(r"\\\1", self.prefix) + ":*:[im][de]*"
        found: set[str] = set()
        cursor = "0"
        with self.session() as session:
            for _ in range(PAGES):
                cursor, keys = session.run("SCAN", cursor, "MATCH", pattern, "COUNT", PAGE)
                for key in keys:
                    queue, _, last = key.removeprefix(f"{self.prefix}:").rpartition(":")
                    if last in ("id", "meta") and _NAME.match(queue):
                        found.add(queue)
                if str(cursor) == "0" or len(found) > MOST_QUEUES:
                    break
        if str(cursor) != "0":
            raise CannotLook(
                f"{self.address} holds more than can be looked through for queues.",
                remedy='names = ["emails"]   # in environments.toml, under queues',
            )
        return tuple(sorted(found))

    def looks(self) -> tuple[Look, ...]:
        """How each queue stands. Asked once a round.

        Raises:
            CannotLook, Refused: the server does not let itself be asked.
        """
        return asked_once((self, "looks"), lambda: tuple(self.look(queue) for queue in self.queues()))

    def look(self, queue: str) -> Look:
        """How one queue stands now.

        Raises:
            CannotLook, Refused: the server does not let itself be asked.
        """
        with self.session() as session:
            told = session.script(scripts.LOOK, [self.base(queue)], [self.now_ms(session)])
        return Look.of(queue, told, self.major)

    def workers(self) -> dict[str, int]:
        """How many connections of workers each queue has. Asked once a round.

        Raises:
            CannotLook: the server does not list its clients.
        """
        return asked_once((self, "workers"), self._workers)

    def _workers(self) -> dict[str, int]:
        with self.session() as session:
            listed = str(session.run("CLIENT", "LIST"))
        names = [word[5:] for line in listed.splitlines() for word in line.split(" ") if word.startswith("name=")]
        return {queue: sum(self._is_worker(queue, name) for name in names) for queue in self.queues()}

    def _is_worker(self, queue: str, name: str) -> bool:
        # In Node the queue's name is in Base64; in Python it is written as it is. Those that listen to events end in
        # `:qe`, and take no jobs.
        written = base64.b64encode(queue.encode()).decode()
        return any(
            name == own or name.startswith(f"{own}:w:") for own in (f"{self.prefix}:{n}" for n in (written, queue))
        )

    def failed(self, queue: str, since_ms: int) -> list[Group]:
        """Jobs that failed since then, together by name and reason: of the newest `FAILED_MOST`.

        Raises:
            CannotLook, Refused: the server does not let itself be asked.
        """
        groups: dict[tuple[str, str], Group] = {}
        for name, reason, jobs, newest, oldest, example in self._failed_pages(queue, since_ms, "groups"):
            key = (str(name), reason_class(str(reason)))
            old = groups.get(key)
            groups[key] = Group(
                queue=queue,
                name=key[0],
                reason=key[1],
                jobs=int(jobs) + (old.jobs if old else 0),
                newest_ms=max(int(newest), old.newest_ms if old else 0),
                oldest_ms=min(int(oldest), old.oldest_ms) if old else int(oldest),
                example=old.example if old else str(example),
            )
        return sorted(groups.values(), key=lambda group: -group.jobs)

    def poisoned(self, queue: str, since_ms: int) -> list[Failed]:
        """Jobs that failed since then and were tried again in vain, twice at least: of the newest `FAILED_MOST`.

        Raises:
            CannotLook, Refused: the server does not let itself be asked.
        """
        return [_failed(queue, row) for row in self._failed_pages(queue, since_ms, "poisoned")]

    def failed_jobs(self, queue: str, since_ms: int, until_ms: int) -> list[Failed]:
        """The jobs that failed between these moments, both included, the newest first.

        Raises:
            CannotLook, Refused: the server does not let itself be asked.
        """
        return [_failed(queue, row) for row in self._failed_pages(queue, since_ms, "rows", until_ms)]

    def newest_failure_ms(self, queue: str) -> int:
        """When the last job failed, in ms; 0 where none is kept.

        Raises:
            CannotLook, Refused: the server does not let itself be asked.
        """
        with self.session() as session:
            newest = session.run("ZREVRANGE", f"{self.base(queue)}failed", 0, 0, "WITHSCORES")
        return int(float(newest[1])) if newest else 0

    def _failed_pages(self, queue: str, since_ms: int, what: str, until_ms: int | None = None) -> Iterator[Any]:
        with self.session() as session:
            # Up to now, or later pages would begin with those that fail meanwhile.
            until = self.now_ms(session) if until_ms is None else until_ms
            for offset in range(0, FAILED_MOST, FAILED_PAGE):
                given = (since_ms, until, offset, FAILED_PAGE, what)
                looked, found = session.script(scripts.FAILED, [self.base(queue)], given)
                yield from found
                if int(looked) < FAILED_PAGE:
                    return

    def without_lock(self, queue: str) -> list[tuple[str, str, int, int]]:
        """Jobs under way that nobody holds any more: id, name, when it was begun in ms, how often it stalled before.

        Raises:
            CannotLook, Refused: the server does not let itself be asked.
        """
        gone: list[tuple[str, str, int, int]] = []
        with self.session() as session:
            for first in range(0, ACTIVE_MOST, ACTIVE_PAGE):
                page = session.script(scripts.ACTIVE, [self.base(queue)], [first, first + ACTIVE_PAGE - 1])
                gone += [(str(i), str(n), int(began), int(stalls)) for i, n, began, stalls in page[1]]
                if int(page[0]) < ACTIVE_PAGE:
                    break
        return gone

    def finished(self, queue: str, window_s: float) -> Finished:
        """What came to its end within the last `window_s` seconds, or as far back as the queue's events reach.

        Raises:
            CannotLook, Refused: the server does not let itself be asked.
        """
        with self.session() as session:
            now = self.now_ms(session)
            given = (now - round(window_s * 1000), now, EVENTS)
            completed, failed, since, told = map(int, session.script(scripts.FINISHED, [self.base(queue)], given))
        return Finished(completed=completed if told else None, failed=failed, since_ms=since)

    def schedulers(self, queue: str) -> tuple[int, list[tuple[str, int, bool]]]:
        """How many schedulers it has, and of the first due: id, when it is due in ms, whether its next job is there.

        Raises:
            CannotLook, Refused: the server does not let itself be asked.
        """
        with self.session() as session:
            total, found = session.script(scripts.SCHEDULERS, [self.base(queue)], [SCHEDULERS])
        return int(total), [(str(i), int(due), bool(there)) for i, due, there in found]

    def now_ms(self, session: Session) -> int:
        """The server's clock, in ms: ours may differ."""
        seconds, micros = session.run("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks: are we let in, which queues are there, and may we change them?"""
        yield from super().examine()
        began = time.monotonic()
        try:
            found = self.looks()
            if self.action_password is not None:
                with self.acting() as session:
                    session.run("PING")
        except CannotLook as error:
            yield Finding.unknown(error.says, remedy=error.remedy)
            return
        said = ", ".join(f"{look.queue} ({look.said})" for look in found[:10])
        yield Finding(
            verdict=Verdict.OK if found else Verdict.WARN,
            says=f"{count(len(found), 'queue')} under {self.prefix!r}{': ' if found else ''}{said}.",
            value=time.monotonic() - began,
            unit="s",
        )


def _failed(queue: str, row: Sequence[Any]) -> Failed:
    job, at, reason, name, vain, last_in = row
    return Failed(
        queue=queue,
        id=str(job),
        name=str(name),
        reason=reason_class(str(reason)),
        in_vain=int(vain),
        at_ms=int(at),
        last_in=bool(last_in),
    )

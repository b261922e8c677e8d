"""The one door to a Redis or Valkey server: short looks in RESP2, with an account that need not do more than read."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.system import System

if TYPE_CHECKING:
    from redis import Redis as Client

# Of what a server says, in a sentence.
SPOKEN = 200
# What all our questions take. INFO tells memory, clients and persistence: CONFIG, which also changes, is not needed.
# KEYS holds everybody up, and is a reading command; so is SORT.
READING = "+@read -@dangerous +eval_ro +info +ping +time +client|list +slowlog|get +acl|whoami +select"
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]+$", max_length=253)]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\s\x00-\x1f\x7f]+$")]

_NO_RIGHT = re.compile(r"permissions to run the '([a-z0-9_|.-]{1,40})' command", re.IGNORECASE)


class Session:
    """A connection for one look. What it raises is in our words."""

    def __init__(self, client: Client, server: RedisServer, user: str) -> None:
        self.client, self._server, self._user = client, server, user

    def run(self, *command: str | int | float) -> Any:
        """The server's reply to one command, texts decoded.

        Raises:
            CannotLook, Refused: none, or an error. A right that is missing is named.
        """
        return self.each([command])[0]

    def each(self, commands: Sequence[Sequence[str | int | float]]) -> list[Any]:
        """The replies to many commands, in one way there and back; the first error among them is raised."""
        from redis.exceptions import RedisError

        line = self.client.pipeline(transaction=False)
        for command in commands:
            line.execute_command(*command)  # type: ignore[no-untyped-call]
        try:
            replies = line.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            raise self._server.in_our_words(error, self._user) from None
        for reply in replies:
            if isinstance(reply, RedisError):
                raise self._server.in_our_words(reply, self._user) from None
        return replies

    def script(self, text: str, keys: Sequence[str], arguments: Sequence[str | int | float]) -> Any:
        """What a script of ours answers, which may only read: the server itself refuses it every write.

        Raises:
            CannotLook, Refused: as `run` does. Servers before 7.0 cannot promise that, and are refused.
        """
        return self.run("EVAL_RO", text, len(keys), *keys, *arguments)


class RedisServer(System):
    """A server, and the account that looks at it. Base of the kinds: which server is meant is a question of its own."""

    model_config = ConfigDict(hide_input_in_errors=True)

    host: Host
    port: int = Field(default=6379, ge=1, le=65535)
    database: int = Field(default=0, ge=0, le=65535)
    # None: the server's `default` user.
    username: Name | None = None
    password: SecretStr | None = None
    tls: bool = False
    # Where certificates are of a private authority: the only ones that are believed then.
    ca_file: Path | None = None
    # For one reply, in seconds. A server that needs longer than this holds up everybody else as well.
    limit_s: float = Field(default=3, gt=0, le=15)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.username and self.password is None:
            raise ValueError("`username` without `password`")
        if self.ca_file and not self.tls:
            raise ValueError("`ca_file` without `tls = true`: nobody would look at it")
        return self

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Connect as the account that looks.

        Raises:
            CannotLook: it does not answer, or cannot just now. Refused: it does not let us in.
        """
        with self.session_as(self.username, self.password) as session:
            yield session

    @contextmanager
    def session_as(self, username: str | None, password: SecretStr | None) -> Iterator[Session]:
        """The same with another account."""
        # Here: whoever only starts `incident` need not wait for it (0.1 s).
        from redis import Redis as Client
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError
        from redis.retry import Retry

        client = Client(
            **self.connection(username, password),
            protocol=2,
            decode_responses=True,
            encoding_errors="replace",
            retry=Retry(NoBackoff(), 0),
            # It would introduce itself by CLIENT SETINFO, which takes a right of its own.
            driver_info=None,
        )
        # Replies as they came: of a list of clients redis-py would make dictionaries, of INFO numbers.
        client.response_callbacks.clear()
        try:
            yield Session(client, self, username or "default")
        except (RedisError, OSError) as error:
            raise self.in_our_words(error, username or "default") from None
        finally:
            client.close()

    @asynccontextmanager
    async def asynchronous(self, username: str | None, password: SecretStr | None) -> AsyncIterator[Any]:
        """redis-py's asynchronous client, for a package that takes one. It ends in time, as ours do.

        Raises:
            CannotLook, Refused: whatever that client raises within, in our words.
        """
        from redis.asyncio import Redis as Client
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError

        client = Client(
            **self.connection(username, password),
            protocol=2,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
        )
        try:
            yield client
        except (RedisError, OSError) as error:
            raise self.in_our_words(error, username or "default") from None
        finally:
            await client.aclose()

    def connection(self, username: str | None, password: SecretStr | None) -> dict[str, Any]:
        """How redis-py is told to connect, in its own words; the asynchronous one as well."""
        told: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "db": self.database,
            "username": username,
            "password": password.get_secret_value() if password else None,
            "socket_timeout": self.limit_s,
            "socket_connect_timeout": self.limit_s,
        }
        if self.tls:
            told |= {"ssl": True, "ssl_ca_certs": str(self.ca_file) if self.ca_file else None}
        return told

    def in_our_words(self, error: Exception, user: str) -> CannotLook:
        """What an error means, and what to do next. Nothing it was told is repeated: no password, no argument."""
        said = excerpt(self._masked(str(error)), SPOKEN)
        for sign, kind, says, remedy in _MEANING:
            if sign in said:
                return kind(f"{self.address} {says}", remedy=remedy)
        if right := _NO_RIGHT.search(said):
            command = right.group(1).lower()
            return Refused(
                f"The user {user!r} of {self.address} may not run {command!r}.",
                remedy=f"ACL SETUSER {user} +{command}   # all that our questions take: {READING}",
            )
        if "permissions to access" in said:
            return Refused(
                f"The user {user!r} of {self.address} may not read a key that we ask for.",
                remedy=f"ACL SETUSER {user} %R~bull:*   # or whatever prefix the queues have",
            )
        if isinstance(error, TimeoutError) or "imeout" in type(error).__name__:
            return CannotLook(f"{self.address} did not answer within {self.limit_s:g} s.")
        return CannotLook(f"{self.address} does not let itself be asked: “{said}”.")

    def _masked(self, said: str) -> str:
        """What a server says that repeats what it heard, without the passwords of ours."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr) and value.get_secret_value():
                said = said.replace(value.get_secret_value(), "•••")
        return said

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks: are we let in, and with all rights that our questions take?"""
        try:
            with self.session() as session:
                began = time.monotonic()
                session.run("PING")
                took = time.monotonic() - began
                for command in _TRIED:
                    session.run(*command)
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        yield Finding(
            verdict=Verdict.OK, says=f"{self.address} answers within {took * 1000:.0f} ms, and lets itself be asked."
        )


class Redis(RedisServer):
    """The server on which queues, caches or sessions live: Redis or Valkey."""

    kind: ClassVar[str] = "redis"
    config_lines: ClassVar[str] = (
        'host = "127.0.0.1"\n'
        'username = "incident"          # ACL SETUSER incident on >… resetchannels %R~* -@all\n'
        f"                               #   {READING}\n"
        'password = "${REDIS_PASSWORD}"\n'
        "tls = false"
    )


# One harmless call for each right that our questions take.
_TRIED: tuple[tuple[str | int, ...], ...] = (
    ("INFO", "server"),
    ("TIME",),
    ("DBSIZE",),
    ("CLIENT", "LIST", "ID", 1),
    ("SLOWLOG", "GET", 1),
    ("EVAL_RO", "return 1", 0),
)

# By what the server says, the first that fits: what it means, and what a person does next.
_MEANING: tuple[tuple[str, type[CannotLook], str, str], ...] = (
    ("loading the dataset", CannotLook, "loads its data from disk, and answers when that is done.", ""),
    (
        "without any password configured",
        Refused,
        "has no password, and we sent one.",
        "Take `password` out, or give the server one: it lets in everybody who reaches it.",
    ),
    ("WRONGPASS", Refused, "refuses this user name or password (WRONGPASS).", "Look at `username` and `password`."),
    ("invalid username-password", Refused, "refuses this user name or password (WRONGPASS).", "Look at both."),
    ("invalid password", Refused, "refuses this password.", "Look at `password`."),
    ("NOAUTH", Refused, "asks for a password, and none is configured (NOAUTH).", 'password = "${REDIS_PASSWORD}"'),
    ("uthentication required", Refused, "asks for a password (NOAUTH).", 'password = "${REDIS_PASSWORD}"'),
    (
        "protected mode",
        Refused,
        "is in protected mode: it answers its own machine only.",
        "Give it a password, or ask it from its own machine.",
    ),
    ("max number of clients", CannotLook, "takes no more connections: its maxclients are reached.", ""),
    (
        "READONLY",
        Refused,
        "is a replica, and takes no writes.",
        "Name the primary as `host`: INFO replication says which it is.",
    ),
    ("read only replica", Refused, "is a replica, and takes no writes.", "Name the primary as `host`."),
    (
        "MISCONF",
        Refused,
        "takes no writes, because it cannot save to disk (MISCONF).",
        "Look at the disk of its data and at its log; then BGSAVE.",
    ),
    ("'maxmemory'", Refused, "takes no writes: its memory is full (OOM).", "Raise maxmemory, or remove what is spare."),
    ("MASTER is down", CannotLook, "is a replica that has lost its primary.", ""),
    ("CLUSTERDOWN", CannotLook, "says that its cluster is down.", ""),
    ("BUSY", CannotLook, "is held up by a script that runs for too long (BUSY).", ""),
    (
        "unknown command 'EVAL_RO'",
        Refused,
        "knows no scripts that may only read: it is older than 7.0.",
        "Upgrade it; BullMQ itself asks for 6.2 at least.",
    ),
    ("Connection refused", CannotLook, "refuses the connection: nothing listens there.", ""),
    ("Connection closed", CannotLook, "ended the connection in the middle of something.", ""),
    ("Connection reset", CannotLook, "ended the connection in the middle of something.", ""),
    ("Name or service not known", CannotLook, "is no name that can be resolved.", ""),
    (
        "CERTIFICATE_VERIFY_FAILED",
        Refused,
        "shows a certificate that is not trusted.",
        "Where it is of your own authority: ca_file = …",
    ),
    ("WRONG_VERSION_NUMBER", Refused, "speaks no TLS on this port.", "tls = false, or the port for TLS."),
)

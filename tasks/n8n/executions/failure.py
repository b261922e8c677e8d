"""Why one run failed: its class, the node, n8n's own words, and whether running it again does anything twice."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tasks.mail.addresses import masked_in
from tasks.model import Json
from tasks.n8n import reading
from tasks.n8n.told import Execution, State


class Kind(enum.StrEnum):
    """What a failure is about: whom it asked, else what the answer was."""

    UNIPILE = "Unipile"
    CLAUDE = "Claude"
    WEBHOOK = "webhook"
    DATABASE = "database"
    CREDENTIAL = "credential"
    REFUSED = "HTTP 401 or 403"
    LIMITED = "HTTP 429"
    CLIENT = "HTTP 4xx"
    SERVER = "HTTP 5xx"
    UNREACHED = "no connection"
    TIMEOUT = "no answer in time"
    OTHER = "other"
    CRASHED = "cut off"
    UNREAD = "not told"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """`reason` is the status or the code of a connection's error; `again` why a retry may do something a second time,
    empty where it does not. `done_before`: nodes that had done their work, which a retry leaves out.
    """

    execution: Execution
    kind: Kind
    node: str
    reason: str
    says: str
    again: str
    done_before: str

    @property
    def retryable(self) -> bool:
        return not self.again


# Ends of node types, which begin with a package's name.
_DATABASES = frozenset({"postgres", "supabase", "mysql", "mongodb", "redis", "microsoftsql", "snowflake", "cratedb"})
_WEBHOOKS = frozenset({"webhook", "respondtowebhook", "formtrigger", "form"})
# What asks nobody: it reckons with what it was given, or answers who called.
_PURE = frozenset(
    {"set", "if", "switch", "merge", "filter", "splitout", "aggregate", "sort", "limit", "respondtowebhook"}
)
# What may have done a part of its work when the next part is refused: its error tells of that only. So do agents.
_SEVERAL = frozenset({"code", "function", "functionitem", "executeworkflow", "executecommand", "ssh"})
_AGENTS = "langchain"
_HOSTS = {"unipile.com": Kind.UNIPILE, "anthropic.com": Kind.CLAUDE}
_WORDS = ((re.compile(r"unipil", re.IGNORECASE), Kind.UNIPILE), (re.compile(r"claude|anthropic", re.I), Kind.CLAUDE))
# Before anything was sent; n8n puts these where it puts a status.
_UNSENT = frozenset({"ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"})
_LATE = frozenset({"ECONNABORTED", "ETIMEDOUT", "ESOCKETTIMEDOUT", "ECONNRESET", "EPIPE", "ABORT_ERR"})
_CODE = re.compile(r"\bE[A-Z]{4,14}\b")
_NO_CREDENTIAL = re.compile(r"credential with id .{1,80} does not exist", re.IGNORECASE)
# Anthropic's own status: it is overloaded, and has begun nothing.
_OVERLOADED = "529"
_CRASHES = frozenset({"WorkflowCrashedError", "NodeCrashedError"})
READS = frozenset({"GET", "HEAD", "OPTIONS"})
CUT_OFF = "n8n was ended in the middle of it: what it had sent by then, nothing here tells"


def cut_off(run: Execution) -> Failure:
    """A crashed run. Of its data nothing is read: n8n makes it up when it comes back."""
    return Failure(
        execution=run, kind=Kind.CRASHED, node="", reason="", says="n8n was ended while it ran.", again=CUT_OFF,
        done_before="",
    )  # fmt: skip


def unread(run: Execution, why: str) -> Failure:
    """One whose data cannot be had."""
    return Failure(
        execution=run, kind=Kind.UNREAD, node="", reason="", says=why, again="why it failed cannot be read",
        done_before="",
    )  # fmt: skip


def read(run: Execution, told: Mapping[str, Json] | None) -> Failure:
    """`told` is the run with its data."""
    if run.state == State.CRASHED:
        return cut_off(run)
    result = reading.table(reading.table(reading.table(told).get("data")).get("resultData"))
    error = reading.table(result.get("error"))
    if not error:
        large = reading.table(told).get("dataTooLargeToDisplay") is True
        return unread(run, "Its data is larger than n8n shows." if large else "n8n keeps no data of it.")
    if error.get("name") in _CRASHES:
        return cut_off(run)
    seen = _Seen(reading.table(told), result, error)
    return Failure(
        execution=run, kind=seen.kind, node=seen.node, reason=seen.reason, says=seen.says, again=seen.again,
        done_before=seen.done_before,
    )  # fmt: skip


class _Seen:
    """An error of a node, and what lies around it."""

    def __init__(self, told: Mapping[str, Json], result: Mapping[str, Json], error: Mapping[str, Json]) -> None:
        self.told, self.result, self.error = told, result, error
        self.node = reading.text(reading.table(error.get("node")).get("name") or result.get("lastNodeExecuted"))
        self.request = reading.table(reading.table(error.get("context")).get("request"))
        self.method = reading.text(self.request.get("method"), 10).upper()
        self.says = self._says()
        self.reason = self._reason()
        self.kind = self._kind()

    @property
    def type(self) -> str:
        """The end of the node's type, in lower case: 'httprequest'."""
        return self._full_type.rpartition(".")[2].lower()

    @property
    def _full_type(self) -> str:
        nodes = reading.rows(reading.table(self.told.get("workflowData")).get("nodes"))
        kinds = [one.get("type") for one in nodes if one.get("name") == self.node]
        return reading.text(reading.table(self.error.get("node")).get("type") or (kinds[0] if kinds else ""))

    @property
    def again(self) -> str:
        """Why a retry may do something a second time; n8n begins at the failed node again, with all its items."""
        if "Respond to Webhook" in self.says and self.type not in _WEBHOOKS - {"webhook"}:
            return "n8n tells of the webhook only, not of the node at which it failed"
        if self._only_reads:
            return ""
        if self._is_late:
            return f"what it asked for may have been done ({self.reason})"
        if not self.type or self.type in _SEVERAL or _AGENTS in self._full_type:
            return "the node may have done a part of its work before it failed"
        if not self._is_refused:
            return "n8n does not tell for certain that nothing was done"
        if self._items > 1:
            return f"the node had {self._items} items, and those before the one that failed may have been done"
        return "" if self._items else "n8n does not tell how many items the node had"

    @property
    def _only_reads(self) -> bool:
        """By what it asked, and not by how somebody has called the node: 'Send Claude's answer' sends."""
        asks_claude = self.type == "httprequest" and _is_of(self._host, "anthropic.com")
        return self.method in READS or self.type in _PURE or asks_claude

    @property
    def _is_late(self) -> bool:
        late = self.reason in _LATE or self.reason in ("408", "timeout") or self.reason.startswith("5")
        return late and self.reason != _OVERLOADED

    @property
    def _is_refused(self) -> bool:
        """Does the error say that nothing was done? What it does not say counts as done."""
        said_no = re.fullmatch(r"4\d\d", self.reason) is not None or self.reason == _OVERLOADED
        return said_no or self.reason in _UNSENT or (not self.reason and _NO_CREDENTIAL.match(self.says) is not None)

    @property
    def done_before(self) -> str:
        """Which nodes had succeeded, with how many items: 'Send by Unipile ×12'."""
        done = []
        for name, runs in reading.table(self.result.get("runData")).items():
            good = [run for run in reading.rows(runs) if run.get("executionStatus") == "success"]
            items = sum(_items(reading.table(run.get("data")).get("main")) for run in good)
            if good and name != self.node:
                done.append(f"{reading.text(name, 60)} ×{items}")
        return ", ".join(done[:8])

    @property
    def _items(self) -> int:
        """How many items the failed node had been given."""
        stack = reading.rows(reading.table(reading.table(self.told.get("data")).get("executionData")).get(
            "nodeExecutionStack"
        ))  # fmt: skip
        mine = [one for one in stack if reading.table(one.get("node")).get("name") == self.node]
        return _items(reading.table(mine[0].get("data")).get("main")) if mine else 0

    @property
    def _host(self) -> str:
        try:
            return urlsplit(reading.text(self.request.get("uri"), 500)).hostname or ""
        except ValueError:
            return ""

    def _says(self) -> str:
        message, more = (reading.text(self.error.get(key)) for key in ("message", "description"))
        # Its own words, not what it was sent: those hold customers' data.
        return masked_in(f"{message} ({more})" if more and more not in message else message)

    def _reason(self) -> str:
        code = reading.text(self.error.get("httpCode"), 20)
        if code:
            return code
        found = _CODE.search(" ".join([self.says, *_texts(self.error.get("messages"))]))
        if found:
            return found[0]
        if "connection refused" in self.says.lower():
            return "ECONNREFUSED"
        late = re.search(r"timed? ?out|terminated|connection reset|closed unexpectedly", self.says, re.IGNORECASE)
        return "timeout" if late else ""

    def _kind(self) -> Kind:
        if re.match(r"credential", self.says, re.IGNORECASE):
            return Kind.CREDENTIAL
        return self._whose() or self._what()

    def _whose(self) -> Kind | None:
        for domain, kind in _HOSTS.items():
            if _is_of(self._host, domain):
                return kind
        for words, kind in _WORDS:
            if words.search(self.node) or words.search(self.type):
                return kind
        if self.type in _DATABASES:
            return Kind.DATABASE
        if self.type in _WEBHOOKS or "respond to webhook" in self.says.lower():
            return Kind.WEBHOOK
        return None

    def _what(self) -> Kind:
        if self.reason in ("401", "403"):
            return Kind.REFUSED
        if self.reason == "429":
            return Kind.LIMITED
        if re.fullmatch(r"[45]\d\d", self.reason):
            return Kind.CLIENT if self.reason[0] == "4" else Kind.SERVER
        if self.reason in _UNSENT:
            return Kind.UNREACHED
        return Kind.TIMEOUT if self.reason in _LATE or self.reason == "timeout" else Kind.OTHER


def _is_of(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _items(main: Json) -> int:
    """How many items lie in what goes between nodes: a list a connection, of items each."""
    lists = main if isinstance(main, list) else []
    return sum(len(one) for one in lists if isinstance(one, list))


def _texts(value: Json) -> list[str]:
    return [reading.text(one) for one in value[:5]] if isinstance(value, list) else []

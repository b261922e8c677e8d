"""What a spam filter makes of a message: rspamd or SpamAssassin where one is named, rules of ours otherwise."""

from __future__ import annotations

import email.utils
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.content.drafts import Draft
from tasks.content.signs import REQUIRED, SIGNS
from tasks.content.system import Content, Rspamd, Spamd
from tasks.excerpt import excerpt
from tasks.mail.addresses import NotAnAddress, read
from tasks.mail.parts import spoken
from tasks.model import CannotLook, Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import Limits, Place, Request, named

RSPAMD, SPAMASSASSIN, OURS = "rspamd", "SpamAssassin", "our own rules"
# rspamd's actions, as its configuration orders them. `no action` is the only good one.
NO_ACTION, GREYLIST = "no action", "greylist"
MOST_ANSWER = 1_000_000
_SPAMD = re.compile(rb"Spam:\s*(True|False)\s*;\s*(-?\d{1,6}(?:\.\d{1,6})?)\s*/\s*(-?\d{1,6}(?:\.\d{1,6})?)")
_RULE = re.compile(r"^\s*(-?\d{1,4}(?:\.\d{1,4})?)\s+([A-Z][A-Z0-9_]{2,80})\b", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Score:
    """A filter's opinion: `points` of `required`, from which on it is spam, and the rules met, heaviest first.

    `action` is what rspamd would do; empty where a filter has none.
    """

    by: str
    points: float
    required: float
    rules: tuple[tuple[str, float], ...]
    action: str = ""


def scored(content: Content, draft: Draft, until: float) -> Score:
    """Weigh one message, by `until` of time.monotonic() at the latest.

    Raises:
        CannotLook, Refused: the filter did not answer, or answered without having looked; the message is empty.
    """
    if draft.is_empty:
        # rspamd has 0 points for nothing at all, which is no praise.
        raise Refused(f"{draft.name} has no body: nothing was weighed.")
    raw = completed(draft)
    if content.rspamd:
        return _by_rspamd(content.rspamd, content, draft, raw, until)
    if content.spamd:
        return _by_spamd(content.spamd, raw, min(until, time.monotonic() + content.limit_s))
    met = [(sign.says, sign.weight) for sign in SIGNS if sign.met(draft)]
    return Score(by=OURS, points=sum(weight for _, weight in met), required=REQUIRED, rules=_heaviest(dict(met)))


def filter_of(content: Content) -> str:
    return RSPAMD if content.rspamd else SPAMASSASSIN if content.spamd else OURS


def completed(draft: Draft) -> bytes:
    """The message with the headers that the sending server adds: missing, they are 3.3 of SpamAssassin's 5 points."""
    fields, added = draft.message.fields, b""
    if not fields.has("date"):
        added += f"Date: {email.utils.formatdate(localtime=False)}\r\n".encode()
    if not fields.has("message-id"):
        added += f"Message-ID: {email.utils.make_msgid(domain=_sender_domain(draft))}\r\n".encode()
    return added + draft.raw


def _by_rspamd(rspamd: Rspamd, content: Content, draft: Draft, raw: bytes, until: float) -> Score:
    headers = {"Hostname": content.hostname, "Helo": content.hostname, "Content-Type": "application/octet-stream"}
    # Without them rspamd takes the message for one that was written on its own machine, and asks less.
    if content.ip:
        headers["Ip"] = content.ip
    for header, field in (("From", "from"), ("Rcpt", "to")):
        if address := _address(draft, field):
            headers[header] = address
    place = Place(
        base=rspamd.url.rstrip("/"),
        key=named("Password", rspamd.password) if rspamd.password else None,
        limits=Limits(total_s=content.limit_s, most_bytes=MOST_ANSWER, redirects=0),
    )
    door = Door(
        place=place,
        words=_words,
        name=RSPAMD,
        unreachable="Start rspamd, or correct `rspamd.url`: `systemctl status rspamd`.",
    )
    request = Request(url=f"{place.base}/checkv2", method="POST", content=raw, headers=headers, reads=True)
    return _read_rspamd(door.answer(request, min(until, door.until())).body)


def _read_rspamd(body: Json) -> Score:
    """Its answer in our words.

    Raises:
        CannotLook: it says nothing, or that it has not looked: no symbol, which it has for any message.
    """
    told = body if isinstance(body, Mapping) else {}
    symbols, points, required = told.get("symbols"), told.get("score"), told.get("required_score")
    action = told.get("action")
    if not isinstance(symbols, Mapping) or not symbols or told.get("is_skipped") is True:
        raise CannotLook("rspamd answered without having looked at the message: it names no rule.")
    if not (_number(points) and _number(required) and isinstance(action, str)):
        raise CannotLook("rspamd answered without a score, a required score and an action.")
    rules = {
        excerpt(str(name), 80): float(str(about.get("score")))
        for name, about in symbols.items()
        if isinstance(about, Mapping) and _number(about.get("score"))
    }
    return Score(
        by=RSPAMD,
        points=float(str(points)),
        required=float(str(required)),
        rules=_heaviest(rules),
        action=excerpt(action, 40),
    )


def _words(status: int, _body: Json) -> CannotLook | None:
    if status in (401, 403):
        return Refused("rspamd wants a password, or another one.", remedy="Set `rspamd.password`.")
    return None


def _by_spamd(spamd: Spamd, raw: bytes, until: float) -> Score:
    where = f"spamd at {spamd.host}:{spamd.port}"
    try:
        answer = _asked(spamd, raw, until)
    except OSError as error:
        late = isinstance(error, TimeoutError)
        raise CannotLook(
            f"{where} {'did not answer in time' if late else f'cannot be asked: {error.strerror or error}'}.",
            remedy="Start it, or correct `spamd`: `systemctl status spamd`.",
        ) from error
    head, _, report = answer.partition(b"\r\n\r\n")
    found = _SPAMD.search(head)
    if not head.startswith(b"SPAMD/") or not found:
        raise CannotLook(f"{where} answered “{excerpt(head.decode(errors='replace'), 80)}”, which is no score.")
    # The message's own first words stand in front of the table, and could look like it.
    table = report.decode(errors="replace").rpartition("\n---- ---")[2]
    rules = {name: float(points) for points, name in _RULE.findall(table)}
    return Score(by=SPAMASSASSIN, points=float(found[2]), required=float(found[3]), rules=_heaviest(rules))


def _asked(spamd: Spamd, raw: bytes, until: float) -> bytes:
    """One REPORT over spamd's own protocol.

    Raises:
        OSError: it is not there, or does not answer in time.
    """
    with socket.create_connection((spamd.host, spamd.port), timeout=_left_s(until)) as line:
        line.sendall(b"REPORT SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(raw) + raw)
        line.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while len(answer) < MOST_ANSWER:
            line.settimeout(_left_s(until))
            piece = line.recv(65_536)
            if not piece:
                break
            answer += piece
        return bytes(answer)


def _left_s(until: float) -> float:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _heaviest(rules: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(rules.items(), key=lambda rule: (-abs(rule[1]), rule[0])))


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _address(draft: Draft, field: str) -> str:
    """An address that a header may hold; empty if there is none."""
    try:
        address = str(read(spoken(draft.message.fields.first(field))))
    except NotAnAddress:
        return ""
    return address if address.isascii() else ""


def _sender_domain(draft: Draft) -> str:
    return _address(draft, "from").rpartition("@")[2] or "localhost.localdomain"

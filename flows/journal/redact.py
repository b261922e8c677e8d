"""Redaction, in one place: what must not be read again is taken out before anything is written down."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from pydantic import SecretBytes, SecretStr

from flows.journal.entry import EXACT, NotRecordable
from tasks.model import Json

MASK = "••••"
# A shorter value would be found inside ordinary words and take the record apart.
SHORTEST = 6
# Deeper than any evidence, and far from Python's own limit.
DEEPEST = 100

_SECRETIVE = r"(?:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_NAMED = re.compile(rf"(?:{_SECRETIVE}|authorization|credentials?)$", re.IGNORECASE)

# Hostile text must not cost more than its length. So every pattern begins at a fixed word or right after a character
# that is no part of it, and its loops cannot run past the place where the next match could begin.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A key block, cut off or not. Its lines hold single dashes at most; five begin the next mark. What follows may be
    # missing, so nothing is ever tried twice. (Python 3.11.2 stops a possessive group too early.)
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-(?!----)[^-]*)*"
            r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
        ),
        MASK,
    ),
    # scheme://user:password@
    (re.compile(r"(://[^\s/:@\"'<>]*+:)[^\s/\"'<>]*@"), rf"\g<1>{MASK}@"),
    # Authorization: Bearer …, and a Bearer that stands alone
    (
        re.compile(
            r"(?i)(authorization\\?[\"']?\s*+[:=]\s*+\\?[\"']?(?:(?:bearer|basic|digest|token)\s++)?)[^\s\"',;\\]++"
        ),
        rf"\g<1>{MASK}",
    ),
    (re.compile(r"(?i)(\bbearer\s++)[a-z0-9._~+/=-]{8,}+"), rf"\g<1>{MASK}"),
    # password=…, "api_key": "…", PASSWORD '…'
    (
        re.compile(
            rf"(?i)({_SECRETIVE}\\?[\"']?\s*+[:=]\s*+)(?:\"[^\"]*+\"|'[^']*+'|\\\"[^\"\\]*+\\\"|\\?[\"']?[^\s,;&\"']++)"
        ),
        rf"\g<1>{MASK}",
    ),
    (re.compile(r"(?i)(\bpassword\s++)'[^']*+'"), rf"\g<1>'{MASK}'"),
    # JSON Web Tokens
    (re.compile(r"(?<![\w-])eyJ[\w-]++\.[\w-]++(?:\.[\w-]*+)?"), MASK),
    # Vendors' key shapes: OpenAI and others, Stripe, GitHub, GitLab, Slack, AWS, SendGrid, Mailgun, Resend, npm
    (
        re.compile(
            r"(?<![A-Za-z0-9])(?:"
            r"sk-[\w-]{16,}+|[srp]k_(?:live|test)_[A-Za-z0-9]{10,}+|whsec_[A-Za-z0-9+/=]{10,}+"
            r"|gh[opusr]_[A-Za-z0-9]{20,}+|github_pat_\w{20,}+|glpat-[\w-]{16,}+"
            r"|xox[abeoprs]-[A-Za-z0-9-]{10,}+|(?:AKIA|ASIA)[A-Z0-9]{16}"
            r"|SG\.[\w-]{16,}+\.[\w-]{16,}+|key-[0-9a-f]{32}|re_[A-Za-z0-9]{6,}+_[A-Za-z0-9]{16,}+|npm_[A-Za-z0-9]{30,}+"
            r")"
        ),
        MASK,
    ),
)


# What each of these begins with or holds, in one look: most texts have none of it, and eight looks cost as much as all
# the rest of storing an alert.
_HINT = re.compile(
    r"-----BEGIN|://|eyJ|sk-|[srp]k_|whsec_|gh[opusr]_|github_pat_|glpat-|xox|AKIA|ASIA|SG\.|key-|re_|npm_"
    rf"|(?i:authorization|bearer|{_SECRETIVE})"
)

# What stands before the @, its first character apart; and the domain. As people write addresses, not all that RFC 5322
# allows.
_EMAIL = re.compile(rf"(?<![\w.%+'{MASK[0]}-])(\w)[\w.%+'-]*+@(?=[\w-]++(?:\.[\w-]++)+)")


class Redactor:
    """Takes secrets out: by type (SecretStr), by configured value, by the shapes secrets usually have.

    `values` are everything configured as secret; of a URL, only its password. With `emails`, a key, e-mail addresses
    are masked as well: a••••1f3a@example.com. The four digits tell two people's addresses apart, as the comparison of
    what was approved with what would be done has to; without the key nobody can try names until they fit.
    """

    def __init__(self, values: Iterable[SecretStr | str], emails: SecretStr | None = None) -> None:
        self._emails = emails
        plain = [value.get_secret_value() if isinstance(value, SecretStr) else value for value in values]
        forms = {form for value in plain for secret in _secrets_in(value) for form in _forms(secret)}
        # Longest first: a value that contains another must not be left with its ends showing.
        self._values = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)

    def secrets_only(self) -> Redactor:
        """The same one that leaves e-mail addresses as they are."""
        other = Redactor(())
        other._values = self._values
        return other

    def text(self, text: str) -> str:
        """`text` without secrets. Half an emoji, as a cut-off title ends with, becomes the replacement character."""
        if not text.isascii():
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        for value in self._values:
            text = text.replace(value, MASK)
        for pattern, replacement in _PATTERNS if _HINT.search(text) else ():
            text = pattern.sub(replacement, text)
        return text if self._emails is None else _EMAIL.sub(self._masked, text)

    def _masked(self, address: re.Match[str]) -> str:
        assert self._emails is not None  # noqa: S101 - asked above
        key = self._emails.get_secret_value().encode()
        apart = hmac.new(key, address[0].casefold().encode(), hashlib.sha256).hexdigest()[:4]
        return f"{address[1]}{MASK}{apart}@"

    def body(self, value: object) -> Json:
        """`value` as plain JSON without secrets, in names and in values.

        Raises:
            NotRecordable: something in it is no JSON; the message says where.
        """
        return self._clean(value, "body", 0)

    def _clean(self, value: object, where: str, depth: int) -> Json:
        if depth > DEEPEST:
            raise NotRecordable(f"{where[:80]}… is nested deeper than {DEEPEST} levels.")
        if isinstance(value, SecretStr | SecretBytes):
            return MASK
        if isinstance(value, str):
            return self.text(str.__str__(value))
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return _exact(value, where)
        if isinstance(value, Mapping):
            return self._table(value, where, depth)
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
            return [self._clean(item, f"{where}[{n}]", depth + 1) for n, item in enumerate(value)]
        raise NotRecordable(
            f"{where} is {type(value).__name__}, which JSON does not know. Write it as text or a number."
        )

    def _table(self, table: Mapping[object, object], where: str, depth: int) -> dict[str, Json]:
        cleaned: dict[str, Json] = {}
        for name, value in table.items():
            if not isinstance(name, str):
                raise NotRecordable(f"{where} has the key {name!r}; JSON's keys are text.")
            shown = _unused(self.text(name), cleaned)
            hide = isinstance(value, str) and value and _NAMED.search(name)
            cleaned[shown] = MASK if hide else self._clean(value, f"{where}.{shown}", depth + 1)
        return cleaned


def _exact(number: float, where: str) -> int | float:
    if not math.isfinite(number):
        raise NotRecordable(f"{where} is {number}, which JSON does not know. Leave it out, or write None.")
    if isinstance(number, int) and abs(number) > EXACT:
        raise NotRecordable(f"{where} is {number}, beyond the whole numbers JSON keeps exactly. Write it as text.")
    return number


def _unused(name: str, taken: Mapping[str, Json]) -> str:
    """`name`, numbered if another key was redacted to the same text: neither value may be lost."""
    if name not in taken:
        return name
    return next(numbered for n in range(2, len(taken) + 3) if (numbered := f"{name} ({n})") not in taken)


_URL = re.compile(r"^[a-z][a-z0-9+.-]*://(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)


def _secrets_in(value: str) -> Iterator[str]:
    """The parts of one configured value that are secret: of a URL its passwords, otherwise all of it."""
    url = _URL.match(value)
    found = list(_passwords(url["rest"])) if url else []
    # A URL without a password is secret as a whole: a chat's webhook address is one.
    yield from found or [value]


def _passwords(rest: str) -> Iterator[str]:
    # By hand, not by urlsplit: the password may hold characters that would end the host there.
    credentials, _, _ = rest.rpartition("@")
    password = credentials.partition(":")[2]
    if password:
        yield password
        yield unquote(password)
    for name, item in parse_qsl(rest.partition("?")[2]):
        if _NAMED.search(name):
            yield item


def _forms(secret: str) -> Iterator[str]:
    yield secret
    # A process environment may hold bytes that are no text.
    yield from (quote(secret, errors="replace"), quote(secret, safe="", errors="replace"))
    yield quote_plus(secret, errors="replace")
    # As it looks inside JSON that was quoted as text.
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]

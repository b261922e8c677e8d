"""DMARC as RFC 9989 has it: where the policy of a name stands, what it says, and who is aligned with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tasks.dns.looked import Looked, Outcome
from tasks.dns.names import is_under
from tasks.mail_domain.tags import InvalidTags, tags

Look = Callable[[str, str], Looked]

POLICIES = ("none", "quarantine", "reject")
# From the eighth label up the walk jumps to the seventh, and asks eight times at most (4.10).
MOST_QUERIES = 8
LONGEST_START = 8
# In RFC 7489 and gone from RFC 9989: receivers ignore them, so who relies on `pct` has the full policy.
REMOVED = ("pct", "rf", "ri")
KNOWN = frozenset({"v", "p", "sp", "np", "psd", "adkim", "aspf", "t", "rua", "ruf", "fo", *REMOVED})
_IS_DMARC = re.compile(r"v[ \t]*=[ \t]*DMARC1(?=[ \t;]|$)")
_MAILTO = re.compile(r"mailto:[^@,!]{1,64}@([A-Za-z0-9.-]{1,253})(?:![0-9]+[kmgt]?)?", re.IGNORECASE)
MOST_REPORTS = 10


@dataclass(frozen=True, kw_only=True)
class Step:
    """One look of the walk: at `_dmarc.` of a name."""

    name: str
    looked: Looked
    records: tuple[str, ...] = ()

    @property
    def tags(self) -> Mapping[str, str]:
        """Of the one record; of several, none counts, and what cannot be read does neither."""
        if len(self.records) != 1:
            return {}
        try:
            return tags(self.records[0])
        except InvalidTags:
            return {}

    @property
    def counts(self) -> bool:
        return bool(self.tags)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What receivers do with mail from a name that proves nothing: `applies`, by the record at `at`."""

    applies: str
    at: str
    tag: str
    tags: Mapping[str, str] = field(default_factory=dict)
    organisation: str = ""
    notes: tuple[str, ...] = ()


def step(look: Look, name: str) -> Step:
    looked = look(f"_dmarc.{name}", "TXT")
    return Step(name=name, looked=looked, records=tuple(text for text in looked.texts if _IS_DMARC.match(text)))


def walked(look: Look, domain: str) -> list[Step]:
    """The tree walk from `domain` up, to the first record that says whose top it is (4.10)."""
    labels, steps = domain.split("."), [step(look, domain)]
    if len(labels) > LONGEST_START:
        labels = labels[-LONGEST_START:]
    while steps[-1].tags.get("psd") not in ("n", "y") and len(labels) > 1 and len(steps) < MOST_QUERIES:
        labels = labels[1:]
        steps.append(step(look, ".".join(labels)))
    return steps


def organisation(steps: list[Step]) -> str:
    """The organisational domain of the name where the walk began (4.10.2)."""
    start = steps[0].name
    found = [one for one in steps if one.counts]
    for one in found:
        if one.tags.get("psd") == "n":
            return one.name
        if one.tags.get("psd") == "y" and one.name != start:
            # The name one label below the one that says it is a public suffix.
            below = start.split(".")[-(one.name.count(".") + 2) :]
            return ".".join(below)
    return found[-1].name if found else start


def policy(look: Look, domain: str) -> Policy | Step:
    """The policy for mail from `domain`; the first step of the walk where there is none, or it could not be had."""
    steps = walked(look, domain)
    unseen = next((one for one in steps if not one.looked.answered), None)
    if unseen is not None and not any(one.counts for one in steps[: steps.index(unseen)]):
        # Nothing below it speaks for the name, and what stands there is not known.
        return unseen
    top = organisation(steps)
    source = next((one for one in steps if one.counts and one.name in (domain, top)), None)
    source = source or next((one for one in steps if one.counts and one.tags.get("psd") == "y"), None)
    if source is None:
        return steps[0]
    told = source.tags
    tag = "p" if source.name == domain else _tag(look, domain, told)
    applies = told.get(tag, "").lower()
    notes = _notes(told)
    if applies not in POLICIES:
        if "rua" not in told:
            return source
        # 4.7: a policy that cannot be read, with an address for reports, is one of watching.
        notes, applies = (*notes, f"{tag}={told.get(tag, '')} is no policy, so it counts as none"), "none"
    return Policy(applies=applies, at=source.name, tag=tag, tags=told, organisation=top, notes=notes)


def _tag(look: Look, domain: str, told: Mapping[str, str]) -> str:
    """By which tag a record above `domain` speaks for it."""
    if "np" in told and all(look(domain, kind).outcome is Outcome.NO_SUCH_NAME for kind in ("A",)):
        return "np"
    return "sp" if "sp" in told else "p"


def _notes(told: Mapping[str, str]) -> tuple[str, ...]:
    gone = [f"{name}={told[name][:20]}" for name in REMOVED if name in told]
    odd = [name for name in told if name not in KNOWN]
    notes = []
    if gone:
        notes.append(f"{', '.join(gone)}: gone from RFC 9989, receivers ignore it")
    if odd:
        notes.append(f"unknown: {', '.join(odd[:5])}")
    if told.get("t") == "y":
        notes.append("t=y: a test, receivers do one step less")
    notes += [
        f"{tag}={told[tag][:10]} is neither r nor s" for tag in ("adkim", "aspf") if told.get(tag, "r") not in "rs"
    ]
    return tuple(notes)


def aligned(look: Look, author: str, proved: str, *, strict: bool) -> bool:
    """Does what was proved for one name count for mail from `author` (4.10.2)?"""
    if author == proved or strict:
        return author == proved
    return organisation(walked(look, author)) == organisation(walked(look, proved))


def reports_to(told: Mapping[str, str]) -> dict[str, str]:
    """Addresses for reports, each with its domain; what is none has an empty one."""
    given = [one.strip() for one in told.get("rua", "").split(",") if one.strip()][:MOST_REPORTS]
    matched = {one: _MAILTO.fullmatch(one) for one in given}
    return {one: found[1].lower() if found else "" for one, found in matched.items()}


def takes_reports(look: Look, about: str, top: str, where: str) -> Looked | None:
    """What says that `where` takes reports about another's domain (RFC 9990, 4); None where nobody need say so."""
    if is_under(where, top) or organisation(walked(look, where)) == top:
        return None
    return look(f"{about}._report._dmarc.{where}", "TXT")

"""Several names, each judged, told as one finding; and whether a record has reached every name server."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from tasks.excerpt import excerpt
from tasks.mail_domain.declared import remedy
from tasks.mail_domain.system import MailDomain
from tasks.model import CannotLook, Finding, Json, Row, Verdict
from tasks.together import WITHIN_S, together

MOST_TOLD = 3
MOST_ROWS = 20
LONGEST_SAID = 600


def each(questions: Mapping[str, Callable[[], Row]]) -> list[Row]:
    """A row for each name, all asked at the same time; of one that was not answered, that it is not known."""
    told = together(questions, until=time.monotonic() + WITHIN_S)
    return [
        {"name": name, "verdict": int(Verdict.UNKNOWN), "said": f"was not judged: {row.says}"}
        if isinstance(row, CannotLook)
        else row
        for name, row in told.items()
    ]


def finding(rows: Sequence[Row], unit: str, none: str) -> Finding:
    """The worst of it in words, the sick rows as evidence, and what to publish as the remedy."""
    if not rows:
        return Finding(verdict=Verdict.OK, says=none)
    sick = sorted((row for row in rows if row["verdict"]), key=lambda row: -_verdict(row))
    told = [f"{row['name']} {row['said']}" for row in sick or rows]
    more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return Finding(
        verdict=max(Verdict(_verdict(row)) for row in rows),
        says=f"{'; '.join(told[:MOST_TOLD])}{more}.",
        value=float(len([row for row in sick if row["verdict"]])),
        unit=unit,
        facts={str(row["name"]): {key: value for key, value in row.items() if key != "name"} for row in rows},
        rows=sick[:MOST_ROWS],
        remedy="\n\n".join(dict.fromkeys(str(row["remedy"]) for row in sick if row.get("remedy"))),
    )


def row(name: str, verdict: Verdict, said: str, **more: Json) -> Row:
    """One name, how it is, and what that rests on. What came from outside is cut short."""
    return {
        "name": name,
        "verdict": int(verdict),
        "said": excerpt(said, LONGEST_SAID),
        **{k: v for k, v in more.items() if v not in ("", [])},
    }


def to_publish(mail_domain: MailDomain, name: str, version: str, found: Sequence[str], suggested: str) -> str:
    """The record to publish for `version` under `name`: the declared one, or else what is suggested."""
    declared = [one.plain for one in mail_domain.records if one.name == name and _speaks(one.plain, version)]
    wanted = declared or ([suggested] if suggested else [])
    return remedy(name, "TXT", wanted, found) + spread(mail_domain, name) if wanted else ""


def spread(mail_domain: MailDomain, name: str, kind: str = "TXT") -> str:
    """Where name servers of the domain do not say the same yet: which."""
    authority = mail_domain.authority()
    if authority is None or len(authority.servers) == 1:
        return ""
    hosts, told = mail_domain.name_servers(), authority.each(name, kind)
    if len({(looked.outcome, looked.records) for looked in told.values()}) == 1:
        return "\nAll its name servers say the same."
    lines = [f"{hosts[at]}: {excerpt(' | '.join(one.records) or one.said, 120)}" for at, one in told.items()]
    return "\nIts name servers do not say the same:\n" + "\n".join(lines)


def _speaks(text: str, version: str) -> bool:
    return text.lower().replace(" ", "").startswith(f"v={version}")


def _verdict(row: Row) -> int:
    return int(str(row["verdict"]))

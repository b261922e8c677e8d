"""What we ask about the certificates that the website shows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from tasks.amounts import stretch
from tasks.certificate_shown import CERTIFICATE_LEFT, Served, scaled
from tasks.check import check
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict
from tasks.together import WITHIN_S, together
from tasks.website.certificates.shown import NoWay, addresses_of, served
from tasks.website.system import Website
from tasks.website.walk import PORTS

# A host and its port.
Door = tuple[str, int]


@check
def check_website_certificates(website: Website, left: Threshold = CERTIFICATE_LEFT) -> Finding:
    """Is the website's certificate the right one, whole, and valid for long enough, at each of its addresses?

    What is really shown, not what a renewal says of itself. Of a certificate that lives less than 90 days, what must be
    left is less in proportion. Whether it was revoked is not asked.
    """
    limits = _doors(website, left)
    if not limits:
        return Finding(
            verdict=Verdict.OK, says="No endpoint of the website is asked by https: there is no certificate."
        )
    seen = _seen(website, list(limits))

    rows = [_judged(*place, told, limits[place[0]]) for place, told in seen.items()]
    rows = [row for door in limits for row in _without_blind([row for row in rows if row["door"] == _name(door)])]
    worst = min(rows, key=lambda row: (-_number(row["verdict"]), _number(row["left_s"])))
    lefts = [_number(row["left_s"]) for row in rows if row["left_s"] is not None]
    return Finding(
        verdict=Verdict(int(_number(worst["verdict"]))),
        says=_told(worst, rows, left),
        value=min(lefts, default=None),
        unit="s",
        facts={f"{row['door']} {row['address']}".strip(): row for row in rows},
        rows=[row for row in rows if row["verdict"]],
    )


def _doors(website: Website, left: Threshold) -> dict[Door, Threshold]:
    """Each host and port that is asked by https, with what must be left there."""
    found: dict[Door, Threshold] = {}
    for endpoint in website.endpoints:
        for url in (endpoint.url, endpoint.redirects_to or endpoint.url):
            parts = urlsplit(url)
            if parts.scheme == "https":
                door = (parts.hostname or "", parts.port or PORTS["https"])
                found[door] = endpoint.certificate_left or found.get(door, left)
    return found


def _seen(website: Website, doors: list[Door]) -> Mapping[tuple[Door, str], Served | CannotLook]:
    """What each address of each host shows, or why it does not; a host without any has the address ''."""
    trusted, until = website.trusted(), time.monotonic() + WITHIN_S
    found = together({door: partial(addresses_of, *door) for door in doors}, until=until)
    there = [(door, one) for door, told in found.items() if not isinstance(told, CannotLook) for one in told]
    shown = together({place: partial(served, *place[0], place[1], trusted) for place in there}, until=until)
    return {**shown, **{(door, ""): told for door, told in found.items() if isinstance(told, CannotLook)}}


def _judged(door: Door, address: str, told: Served | CannotLook, left: Threshold) -> Row:
    if isinstance(told, CannotLook):
        return {
            "door": _name(door),
            "address": address,
            "left_s": None,
            "wrong": told.says.rstrip("."),
            "verdict": int(Verdict.UNKNOWN),
            "no_way": isinstance(told, NoWay),
        }
    left_s = told.left_s(datetime.now(UTC))
    verdict = Verdict.BAD if told.wrong else scaled(left, told.lifetime_s).judge(left_s)
    return {
        "door": _name(door),
        "address": address,
        "left_s": left_s,
        "wrong": told.wrong,
        "verdict": int(verdict),
        "ends": f"{told.ends:%Y-%m-%d %H:%M} UTC",
        "life_s": told.lifetime_s,
        "issuer": told.issuer,
        "names": list(told.names),
        "mark": told.mark,
    }


def _without_blind(rows: list[Row]) -> list[Row]:
    """Of one host: an address that does not answer, where others do, warns; one that we have no way to says nothing."""
    if all(row["left_s"] is None for row in rows):
        return rows
    return [
        row if row["left_s"] is not None else {**row, "verdict": int(Verdict.WARN)}
        for row in rows
        if not row.get("no_way")
    ]


def _told(worst: Row, rows: list[Row], left: Threshold) -> str:
    at = f" at {worst['address']}" if len([row for row in rows if row["door"] == worst["door"]]) > 1 else ""
    which = f"{worst['door']}{at}"
    if worst["left_s"] is None:
        return f"The certificate of {which} could not be seen: {worst['wrong']}."
    more = "" if len(rows) == 1 else f" ({len(rows)} asked)"
    days = stretch(_number(worst["left_s"]))
    if worst["wrong"]:
        ends = f"; it is from {worst['issuer']}" if _number(worst["left_s"]) < 0 else f"; {days} left"
        return f"The certificate of {which} is not believed: {worst['wrong']}{ends}{more}."
    limit = stretch(scaled(left, _number(worst["life_s"])).bad)
    life = stretch(_number(worst["life_s"]))
    first = f", the first of {len(rows)} to end" if len(rows) > 1 else ""
    return f"The certificate of {which} is good for another {days} of {life}{first} (bad from {limit} down)."


def _name(door: Door) -> str:
    host = f"[{door[0]}]" if ":" in door[0] else door[0]
    return host if door[1] == PORTS["https"] else f"{host}:{door[1]}"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0

"""From one answer of a paid API to findings: is it up, does it take our key, have we credit, does it hold us back?

An answer that says nothing about what is asked is never taken for health: then the question cannot be answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.model import CannotLook, Finding, Row, Threshold, Verdict
from tasks.paid_api.told import ILL, Knock, Standing
from tasks.postgres.words import limit, span
from tasks.rates import percent


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How much of `what` is left until it is reset, in `resets_in_s` where that is told."""

    what: str
    limit: float
    left: float
    resets_in_s: float | None = None

    @property
    def share(self) -> float:
        """What is left, of all."""
        return self.left / self.limit if self.limit > 0 else 0.0

    @property
    def row(self) -> Row:
        return {"what": self.what, "limit": self.limit, "left": self.left, "resets_in_s": self.resets_in_s}


def answers(who: str, knock: Knock) -> Finding:
    """Overloaded, in trouble, silent, and a page that is none of the API's are bad; every refusal is an answer."""
    sick = knock.standing in ILL
    remedies = {
        Standing.OVERLOADED: "Ask it less at once; what it refuses is tried again later, each time later.",
        Standing.NO_API: "Look whether `url` leads to the vendor's API, and not to a proxy or a login page.",
    }
    overloaded = " It is overloaded." if knock.standing is Standing.OVERLOADED else ""
    odd = ", which is none of its API's answers" if knock.standing is Standing.NO_API else ""
    return Finding(
        verdict=Verdict.BAD if sick else Verdict.OK,
        says=f"{knock.said(who)}{odd}.{overloaded}",
        value=1.0 if sick else 0.0,
        facts={**seen(knock), "standing": knock.standing.name},
        remedy=remedies.get(knock.standing, ""),
    )


def takes_key(who: str, knock: Knock, remedy: str) -> Finding:
    """
    Raises:
        CannotLook: it is ill, or holds us back before it looks at keys.
    """
    if knock.standing in ILL | {Standing.HELD_BACK}:
        raise CannotLook(f"{knock.said(who)}: that says nothing about the key.")
    refused = knock.standing is Standing.REFUSED
    return Finding(
        verdict=Verdict.BAD if refused else Verdict.OK,
        says=f"{who} does not take our key. {knock.said('It')}." if refused else f"{who} takes our key.",
        value=0.0 if refused else 1.0,
        facts=seen(knock),
        remedy=remedy if refused else "",
    )


def has_credit(who: str, knock: Knock, remedy: str, otherwise: str) -> Finding:
    """`otherwise` says how much an answer that complains of nothing is worth.

    Raises:
        CannotLook: it is ill, refuses the key, or holds us back.
    """
    if knock.standing in ILL | {Standing.REFUSED, Standing.HELD_BACK}:
        raise CannotLook(f"{knock.said(who)}: that says nothing about our credit.")
    spent = knock.standing is Standing.NO_CREDIT
    return Finding(
        verdict=Verdict.BAD if spent else Verdict.OK,
        says=f"{who} has no credit left for us. {knock.said('It')}." if spent else f"{who} {otherwise}.",
        value=0.0 if spent else 1.0,
        facts=seen(knock),
        remedy=remedy if spent else "",
    )


def holds_back(who: str, knock: Knock, allowances: Sequence[Allowance] = (), left: Threshold | None = None) -> Finding:
    """Held back is bad; where it tells how much is left, the smallest share is judged by `left`.

    Raises:
        CannotLook: it is ill, or refuses the key.
    """
    if knock.standing is Standing.HELD_BACK:
        wait = f" It wants to be asked again in {span(knock.asks_to_wait_s)}." if knock.asks_to_wait_s else ""
        return Finding(
            verdict=Verdict.BAD,
            says=f"{knock.said(who)}: too much was asked at once.{wait}",
            value=0.0,
            unit="ratio",
            facts={**seen(knock), "asks_to_wait_s": knock.asks_to_wait_s},
            rows=[one.row for one in allowances],
        )
    if knock.standing in ILL | {Standing.REFUSED}:
        raise CannotLook(f"{knock.said(who)}: that says nothing about our pace.")
    least = min(allowances, key=lambda one: one.share, default=None)
    if least is None or left is None:
        return Finding(
            verdict=Verdict.OK,
            says=f"{who} does not hold us back; how much is left it does not tell.",
            facts=seen(knock),
        )
    again = f", until it is reset in {span(least.resets_in_s)}" if least.resets_in_s else ""
    return Finding(
        verdict=left.judge(least.share),
        says=f"{who} does not hold us back: {least.left:,.0f} of {least.limit:,.0f} {least.what} are left"
        f"{again} (bad up to {percent(left.bad)}).",
        value=least.share,
        unit="ratio",
        facts=seen(knock),
        rows=[one.row for one in allowances],
    )


def in_time(who: str, knock: Knock, took: Threshold) -> Finding:
    """
    Raises:
        CannotLook: it does not take the request, so that how long it took says nothing.
    """
    if knock.standing is not Standing.TAKEN:
        raise CannotLook(f"{knock.said(who)}: how fast it refuses says nothing about its pace.")
    return Finding(
        verdict=took.judge(knock.took_s),
        says=f"{who} took {knock.took_s:.1f} s for {knock.line} (bad from {limit(took.bad)}).",
        value=knock.took_s,
        unit="s",
        facts=seen(knock),
    )


def seen(knock: Knock) -> dict[str, str | int]:
    return {"status": knock.status, "asked": knock.line}

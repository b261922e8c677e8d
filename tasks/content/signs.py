"""Rules of ours, for where no filter is named: what filters and readers hold against a message, with its weight.

No list of "spam words": real filters hardly count single words. They count how a message is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.content.drafts import Draft
from tasks.content.links import wrong_with
from tasks.model import Row

# SpamAssassin's: from here on a message is spam.
REQUIRED = 5.0
MANY_LINKS = 20
TOO_MANY_LINKS = 60
# Gmail hides what is behind its 102nd kilobyte, the way off the list with it.
CLIPPED_BYTES = 102 * 1024
FEW_WORDS = 20


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One rule: `weight` points where it is met."""

    says: str
    weight: float
    met: Callable[[Draft], bool]


def _link(*wrong: str) -> Callable[[Draft], bool]:
    return lambda draft: any(said in wrong for link in draft.links for said in wrong_with(link))


def _shouts(draft: Draft) -> bool:
    letters = [letter for letter in draft.subject if letter.isalpha()]
    return len(letters) >= 8 and all(letter.isupper() for letter in letters)


def _pretends_to_answer(draft: Draft) -> bool:
    fields = draft.message.fields
    answers = draft.subject.lower().startswith(("re:", "aw:", "fwd:", "fw:"))
    return answers and not (fields.has("in-reply-to") or fields.has("references"))


def _pictures_only(draft: Draft) -> bool:
    return draft.page.images > 0 and len(draft.page.text.split()) < FEW_WORDS


SIGNS: tuple[Sign, ...] = (
    Sign(says="a link that shows another domain", weight=2.5, met=_link("shows another domain than it leads to")),
    Sign(says="a link to an IP address", weight=2.0, met=_link("leads to an IP address")),
    Sign(says="a name in front of a link's host", weight=2.0, met=_link("holds a name in front of the host")),
    Sign(says="a shortened link", weight=1.0, met=_link("is shortened")),
    Sign(says="a link that is not encrypted", weight=0.3, met=_link("is not encrypted (http)")),
    Sign(says=f"more than {MANY_LINKS} links", weight=0.5, met=lambda draft: len(draft.links) > MANY_LINKS),
    Sign(says=f"more than {TOO_MANY_LINKS} links", weight=1.0, met=lambda draft: len(draft.links) > TOO_MANY_LINKS),
    Sign(says="no subject", weight=1.5, met=lambda draft: not draft.subject.strip()),
    Sign(says="a subject in capitals", weight=1.5, met=_shouts),
    Sign(says="three exclamation marks in the subject", weight=0.8, met=lambda draft: draft.subject.count("!") >= 3),
    Sign(says="a subject like an answer, to nothing", weight=1.5, met=_pretends_to_answer),
    Sign(says="pictures, and hardly a word", weight=1.5, met=_pictures_only),
    Sign(says="HTML without a text part", weight=1.0, met=lambda draft: draft.has_html and not draft.text.strip()),
    Sign(
        says="HTML of more than 102 kB, which Gmail cuts off",
        weight=0.5,
        met=lambda draft: len(draft.html.encode(errors="replace")) > CLIPPED_BYTES,
    ),
    Sign(says="broken MIME", weight=1.5, met=lambda draft: bool(draft.wrong)),
)


def table() -> list[Row]:
    """The rules with their weights, as people are shown them (README.md)."""
    return [{"rule": sign.says, "points": sign.weight} for sign in SIGNS]

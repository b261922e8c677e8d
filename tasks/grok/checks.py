"""What we ask x.ai: is it up, does it take our key, is the team blocked, and does it hold us back?"""

from __future__ import annotations

from tasks.check import check
from tasks.grok.system import Grok
from tasks.model import Finding
from tasks.paid_api import judged
from tasks.status_page.checks import reported


@check
def check_grok_answers(grok: Grok) -> Finding:
    """Does x.ai's API answer, and is it not in trouble?

    5xx, silence and a page that is none of the API's are bad. Whatever it says of our key or our pace is an answer.
    Asked up to three times.
    """
    return judged.answers(grok.said, grok.knock())


@check
def check_grok_status(grok: Grok) -> Finding:
    """Does x.ai's status page report trouble?"""
    return reported(grok.status_page)


@check
def check_grok_key(grok: Grok) -> Finding:
    """Does x.ai take our key?

    It tells of a key whether it is blocked or switched off, at no cost. A key that it does not know is a 400 there.
    """
    return judged.takes_key(grok.said, grok.knock(), grok.about_keys)


@check
def check_grok_credit(grok: Grok) -> Finding:
    """Has x.ai blocked our team, as it does without credit?

    How much is left only its management API tells, by a key of another kind, which is not asked for here.
    """
    return judged.has_credit(
        grok.said, grok.knock(), "Buy credit in x.ai's console, or ask its support why the team is blocked.",
        "has not blocked our team",
    )  # fmt: skip


@check
def check_grok_rate_limit(grok: Grok) -> Finding:
    """Does x.ai hold us back for asking too much?

    429 is bad. How much is left it does not tell with what costs nothing.
    """
    return judged.holds_back(grok.said, grok.knock())

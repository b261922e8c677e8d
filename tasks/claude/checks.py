"""What we ask Anthropic: is Claude up, does it take our key and our pace, and does what we send fit it?"""

from __future__ import annotations

from tasks.check import check
from tasks.claude.system import Claude, Model, Sends, allowances
from tasks.model import CannotLook, Finding, Refused, Row, Threshold, Verdict
from tasks.paid_api import judged
from tasks.postgres.words import span
from tasks.status_page.checks import reported

LEFT = Threshold(
    warn=0.2,
    bad=0.05,
    because="Owner: the team on call. Of what may be asked until the limit is reset, which Anthropic fills up again "
    "all the time: below 5 % the next request of many is answered 429.",
)

TOOK = Threshold(
    warn=10,
    bad=20,
    because="Owner: the team on call. Seconds for the smallest request there is, one token at most: an answer of a "
    "thousand takes many times as long, and the application's own time limit ends it. A question has 20 s in all.",
)

# A model's lifecycle: what is retired is still listed, and takes no request.
DEPRECATED, RETIRED = "deprecated", "retired"
# Anthropic's documents: a larger request is answered 413, request_too_large.
MOST_BYTES = 32 * 1024 * 1024
# The SDK reckons with so many tokens an hour (_calculate_nonstreaming_timeout), and refuses to wait for an answer in
# one piece that may take longer than ten minutes: connections that are idle for so long are dropped on the way.
TOKENS_AN_HOUR = 128_000
LONGEST_S = 600.0


@check
def check_claude_answers(claude: Claude) -> Finding:
    """Does Anthropic's API answer, and is it not overloaded?

    529 is Anthropic's own word for too much work from everybody; 5xx, silence and a page that is none of the API's are
    bad as well. Whatever it says of our key or our pace is an answer. Asked up to three times.
    """
    return judged.answers(claude.said, claude.work())


@check
def check_claude_status(claude: Claude) -> Finding:
    """Does Anthropic's status page report trouble?"""
    return reported(claude.status_page)


@check
def check_claude_key(claude: Claude) -> Finding:
    """Does Anthropic take our key?

    By a list of models with one model in it, which costs nothing. A limit, and trouble of its own, tell nothing.
    """
    return judged.takes_key(claude.said, claude.knock(), claude.about_keys)


@check
def check_claude_credit(claude: Claude) -> Finding:
    """Has Anthropic credit left for us?

    It says so only where something is to be paid: without `paid_probe` an empty account may go unseen here. How much is
    left no key of the API can ask.
    """
    paid = "answers a request that is paid for" if claude.paid_probe else "complains of nothing, for what costs nothing"
    return judged.has_credit(
        claude.said,
        claude.work(),
        "Buy credit in Anthropic's console under Billing, or let it be bought by itself.",
        paid,
    )


@check
def check_claude_rate_limit(claude: Claude, left: Threshold = LEFT) -> Finding:
    """Does Anthropic hold us back for asking too much?

    429 is bad. Where its headers tell what is left of requests, input and output tokens, the smallest share is judged.
    """
    knock = claude.work()
    return judged.holds_back(claude.said, knock, allowances(knock.headers), left)


@check
def check_claude_latency(claude: Claude, took: Threshold = TOOK) -> Finding:
    """How long does the smallest request to Anthropic take?

    With `paid_probe` that is an answer of one token; without, tokens are only counted, and Claude itself may be slower.
    """
    return judged.in_time(claude.said, claude.work(), took)


@check
def check_claude_request(claude: Claude) -> Finding:
    """Does the largest request of the application fit the model, and does it wait long enough for the answer?

    Before anything is sent, by what is configured under `sends`. What the model cannot take is bad, and so is one that
    was retired. A time limit shorter than a full answer may take is a warning, as long as the answer comes in one
    piece, and so is a model whose end is announced.
    """
    sends = claude.sends
    if sends is None:
        raise Refused(
            "Nobody has said what the application sends to Claude.",
            remedy="sends = { max_tokens = 4096, input_tokens = 50000, timeout_s = 60, streams = false }",
        )
    model = claude.model_now()
    if model is None:
        return _gone(claude, f"has no model {claude.model!r} (any more): every request is answered 404")
    if model.lifecycle == RETIRED:
        return _gone(claude, f"has retired the model {claude.model!r}: every request that names it fails")
    if model.most_in is None and model.most_out is None:
        raise CannotLook(f"Anthropic does not tell what {model.id} takes.")
    broken = _broken(sends, model)
    doubts = [one for one in (_too_short(sends), _ends(model)) if one]
    said = [*broken, *doubts]
    facts: Row = {
        "max_tokens": sends.max_tokens,
        "model_max_tokens": model.most_out,
        "model_max_input_tokens": model.most_in,
        "timeout_s": sends.timeout_s,
        "needs_s": needs_s(sends.max_tokens),
        "fits_in_tokens": fits_in_tokens(sends),
    }
    return Finding(
        verdict=Verdict.BAD if broken else Verdict.WARN if doubts else Verdict.OK,
        says=f"What the application sends to {model.id} " + ("; ".join(said) if said else _fits(sends)) + ".",
        value=float(len(said)),
        unit="limits",
        facts=facts,
        remedy="Send less at once, or wait longer: the runbook says how much." if said else "",
    )


def _gone(claude: Claude, why: str) -> Finding:
    return Finding(
        verdict=Verdict.BAD,
        says=f"{claude.said} {why}.",
        value=1.0,
        unit="limits",
        remedy="Look at Anthropic's list of models and their end, and name another one in the application.",
    )


def _ends(model: Model) -> str:
    """That the model is going to be retired; empty if it is not."""
    if model.lifecycle != DEPRECATED:
        return ""
    when = f" on {model.retires}" if model.retires else ", nobody says when"
    return f"goes to a model that is deprecated and retired{when}"


def needs_s(tokens: int) -> float:
    """How long a full answer of so many tokens may take, in seconds, as Anthropic's SDK reckons."""
    return tokens * 3600 / TOKENS_AN_HOUR


def fits_in_tokens(sends: Sends) -> int | None:
    """How many tokens fit into the application's time limit; None where it has none, or takes them as they come."""
    if sends.timeout_s is None or sends.streams:
        return None
    return int(min(sends.timeout_s, LONGEST_S) * TOKENS_AN_HOUR / 3600)


def _broken(sends: Sends, model: Model) -> list[str]:
    """What the model cannot take, each in words."""
    found: list[str] = []
    if model.most_out is not None and sends.max_tokens > model.most_out:
        found.append(f"asks for {sends.max_tokens:,} tokens, and it answers with {model.most_out:,} at most")
    if model.most_in is not None and sends.input_tokens is not None and sends.input_tokens > model.most_in:
        found.append(f"holds {sends.input_tokens:,} tokens, and it takes {model.most_in:,}")
    if sends.body_bytes is not None and sends.body_bytes > MOST_BYTES:
        found.append(f"has {sends.body_bytes:,} bytes, and Anthropic takes {MOST_BYTES:,}")
    if not sends.streams and needs_s(sends.max_tokens) > LONGEST_S:
        found.append(
            f"asks for {sends.max_tokens:,} tokens in one piece, which may take {span(needs_s(sends.max_tokens))}: "
            f"longer than {span(LONGEST_S)} it must be streamed"
        )
    return found


def _too_short(sends: Sends) -> str:
    """Why the time limit is too short; empty if it is not."""
    if sends.timeout_s is None or sends.streams or sends.timeout_s >= needs_s(sends.max_tokens):
        return ""
    return (
        f"waits {span(sends.timeout_s)} for {sends.max_tokens:,} tokens, which may take "
        f"{span(needs_s(sends.max_tokens))}; {fits_in_tokens(sends):,} tokens fit"
    )


def _fits(sends: Sends) -> str:
    waits = "takes the answer piece by piece" if sends.streams else "waits long enough"
    if sends.timeout_s is None and not sends.streams:
        waits = "has no time limit that we know"
    return f"fits, and {waits}"

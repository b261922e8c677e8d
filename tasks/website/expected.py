"""Is an answer what it should be? If not: in what, and what it said itself."""

from __future__ import annotations

import json
import re

from tasks.excerpt import excerpt
from tasks.json_path import found
from tasks.web.exchange import Answer
from tasks.website.system import Endpoint, shown

# Of a body, in a sentence and as evidence. Whoever breaks says why in the first lines.
SPOKEN, SHOWN = 200, 1000
_MARKUP = re.compile(r"<[^<>]*>")


def wrong(endpoint: Endpoint, answer: Answer) -> str:
    """What is not as expected, for the middle of a sentence; empty if all is."""
    if answer.status not in endpoint.status:
        wanted = " or ".join(map(str, endpoint.status))
        return f"answers {answer.status} instead of {wanted}{_on_to(answer)}{_said(endpoint, answer)}"
    if endpoint.text is not None and endpoint.text not in answer.text:
        return f"does not hold “{excerpt(endpoint.text, SPOKEN)}”{_said(endpoint, answer)}"
    return _wrong_value(endpoint, answer) if endpoint.json_path is not None else ""


def body_of(endpoint: Endpoint, answer: Answer, most: int = SHOWN) -> str:
    """The beginning of what it said, without markup and secrets."""
    html = "html" in answer.headers.get("content-type", "")
    # A tag that does not end, a thousand times, must not be looked for a thousand times.
    text = answer.text[: 20 * most]
    return excerpt(endpoint.hidden_in(_MARKUP.sub(" ", text) if html else text), most)


def _wrong_value(endpoint: Endpoint, answer: Answer) -> str:
    path = str(endpoint.json_path)
    if isinstance(answer.body, str) and not answer.text.lstrip().startswith('"'):
        return f"answers no JSON{_said(endpoint, answer)}"
    try:
        value = found(path, answer.body)
    except ValueError as error:
        return f"cannot be read by {path}: {excerpt(str(error), SPOKEN)}{_said(endpoint, answer)}"
    if endpoint.value is None:
        return "" if value not in (None, False, "", [], {}) else f"has nothing at {path}{_said(endpoint, answer)}"
    # For Python, true is 1.
    if value == endpoint.value and isinstance(value, bool) is isinstance(endpoint.value, bool):
        return ""
    is_ = endpoint.hidden_in(excerpt(json.dumps(value, ensure_ascii=False), SPOKEN))
    wanted = json.dumps(endpoint.value, ensure_ascii=False)
    return f"has {is_} at {path} instead of {wanted}{_said(endpoint, answer)}"


def _on_to(answer: Answer) -> str:
    where = answer.headers.get("location", "")
    return f" and sends on to {excerpt(shown(where), SPOKEN)}" if where and 300 <= answer.status < 400 else ""


def _said(endpoint: Endpoint, answer: Answer) -> str:
    said = body_of(endpoint, answer, SPOKEN)
    return f": {said}" if said else ""

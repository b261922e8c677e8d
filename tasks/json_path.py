"""A place in somebody's JSON, named in the configuration by a JMESPath expression. https://jmespath.org

It cannot compute, loop or call anything of ours.
"""

from __future__ import annotations

from typing import Annotated, Any

import jmespath
from pydantic import AfterValidator


def _expression(text: str) -> str:
    try:
        jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"{text!r} is no JMESPath expression: {error}") from error
    return text


Expression = Annotated[str, AfterValidator(_expression)]


def found(expression: str, body: object) -> Any:
    """What lies there; None where nothing does.

    Raises:
        ValueError: a function of the expression cannot be applied to what lies there.
    """
    return jmespath.search(expression, body)

"""What n8n sent, read with distrust: of the wrong shape it is refused, too long it is cut."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from tasks.excerpt import excerpt
from tasks.model import Json, Refused
from tasks.n8n.told import Credential, Execution, Node, Used, Workflow

# A name is a line; what is longer is somebody's joke.
LONGEST_NAME = 120
LONGEST_TEXT = 300
# n8n's ids are numbers (executions) or sixteen letters and digits; they go into URLs.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def table(value: Json) -> Mapping[str, Json]:
    """`value` if it is a table, else an empty one: what is missing in it is then missed."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Json) -> list[Mapping[str, Json]]:
    """The tables in a list; whatever else stands in it is left out."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def listed(body: Json, what: str) -> list[Mapping[str, Json]]:
    """The rows of a page of `what`.

    Raises:
        Refused: there is no list: nothing is known then, and that is not none.
    """
    found = table(body).get("data")
    if not isinstance(found, list):
        raise not_n8n(f"{what} are no list")
    return rows(found)


def not_n8n(what: str) -> Refused:
    """What is said of an answer that n8n does not give."""
    return Refused(
        f"Something answers, but not as n8n's public API does: {what}.",
        remedy="Look whether `url` leads to n8n itself, with its path if it has one, and not to a login page.",
    )


def text(value: Json, longest: int = LONGEST_TEXT) -> str:
    """`value` on one line, cut, nothing in it that a terminal would obey; empty where it is no text or number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return excerpt(str(value), longest)


def identifier(value: Json) -> str:
    """An id that may go into an URL; empty where it is none."""
    found = text(value, 65)
    return found if _ID.fullmatch(found) else ""


def moment(value: Json) -> datetime | None:
    """A moment as n8n writes it (ISO 8601), in UTC; None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value[:40])
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def workflow(one: Mapping[str, Json]) -> Workflow:
    """A workflow as it is listed, or told alone."""
    return Workflow(
        id=identifier(one.get("id")),
        name=text(one.get("name"), LONGEST_NAME),
        active=one.get("active") is True,
        archived=one.get("isArchived") is True,
        created_at=moment(one.get("createdAt")),
        keeps_successes=table(one.get("settings")).get("saveDataSuccessExecution") != "none",
        nodes=tuple(node(each) for each in rows(one.get("nodes"))),
    )


def node(one: Mapping[str, Json]) -> Node:
    used = ((kind, table(what)) for kind, what in table(one.get("credentials")).items())
    return Node(
        name=text(one.get("name"), LONGEST_NAME),
        type=text(one.get("type"), LONGEST_NAME),
        disabled=one.get("disabled") is True,
        credentials=tuple(
            Used(type=text(kind), id=identifier(what.get("id")), name=text(what.get("name"), LONGEST_NAME))
            for kind, what in used
        ),
    )


def execution(one: Mapping[str, Json]) -> Execution:
    """A run as it is listed."""
    return Execution(
        id=identifier(one.get("id")),
        workflow=identifier(one.get("workflowId")),
        state=text(one.get("status"), 20),
        started_at=moment(one.get("startedAt")),
        ended_at=moment(one.get("stoppedAt")),
        waits_until=moment(one.get("waitTill")),
        retry_of=identifier(one.get("retryOf")),
        retried_as=identifier(one.get("retrySuccessId")),
    )


def credential(one: Mapping[str, Json]) -> Credential:
    return Credential(
        id=identifier(one.get("id")), name=text(one.get("name"), LONGEST_NAME), type=text(one.get("type"), LONGEST_NAME)
    )

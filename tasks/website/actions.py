"""What can be done from here to a website that does not answer as it should."""

from __future__ import annotations

import time
from functools import partial

from tasks.action import Action
from tasks.model import CannotLook, NoWayBack, Outcome, Plan, Risk, Row
from tasks.service.restarts import has_restarted, no_plan, plan_of, restarted
from tasks.service.system import ApplicationService
from tasks.together import WITHIN_S, together
from tasks.website.expected import body_of, wrong
from tasks.website.parts import ill_parts
from tasks.website.system import Endpoint, Website
from tasks.website.walk import led_to


class RestartWebsite(Action):
    """Restart the application behind the website.

    Through the environment's `application_service`, and only while the website does not answer as it should. Where its
    own answer names another part as ill (its database, its cache), a restart changes nothing and is not proposed.
    """

    undo = NoWayBack(
        loses="Requests and jobs under way are broken off, and what the application held in memory only is gone."
    )

    def plan(self, website: Website, application_service: ApplicationService) -> Plan:
        rows = _seen(website)
        sick = [row for row in rows if row["wrong"]]
        parts = list(dict.fromkeys(str(part) for row in sick for part in _list(row["ill_parts"])))
        if not sick:
            return no_plan("Nothing to restart: the website answers as it should.", noun="applications", loses=_loses())
        if parts:
            does = f"A restart would not help: the application itself names what it misses ({'; '.join(parts)})."
            return no_plan(does, noun="applications", loses=_loses())
        return plan_of(
            application_service,
            "Restart the application.",
            noun="applications",
            risk=Risk.MODERATE,
            loses=_loses(),
            evidence=sick,
        )

    # The website is asked for the plan only; `apply` and `applied` are handed the same systems.
    def apply(self, website: Website, application_service: ApplicationService, plan: Plan) -> Outcome:  # noqa: ARG002
        return restarted(application_service, plan)

    def applied(self, website: Website, application_service: ApplicationService, plan: Plan) -> bool | None:  # noqa: ARG002
        return has_restarted(application_service, plan)


def _loses() -> str:
    return f"No way back. {RestartWebsite.undo.loses}"


def _seen(website: Website) -> list[Row]:
    """What each endpoint answers just now.

    Raises:
        Refused: nobody can be believed, as `ca_file` cannot be used.
    """
    website.trusted()
    until = time.monotonic() + WITHIN_S
    told = together({e.name: partial(_asked, website, e, until) for e in website.endpoints}, until=until)
    return [
        {"endpoint": name, "wrong": f"gives no answer: {row.says.rstrip('.')}", "ill_parts": []}
        if isinstance(row, CannotLook)
        else row
        for name, row in told.items()
    ]


def _asked(website: Website, endpoint: Endpoint, until: float) -> Row:
    answer, trouble = led_to(website, endpoint, until)
    parts = [endpoint.hidden_in(part) for part in ill_parts(answer.body)]
    found = trouble or wrong(endpoint, answer)
    return {"endpoint": endpoint.name, "wrong": found, "ill_parts": parts, "body": body_of(endpoint, answer)}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []

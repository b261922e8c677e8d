"""Exactly one incident: whatever storms, whoever else listens, whatever is down meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from deployments.ports import free_port
from flows.journal.alerts import Kept
from tests.deployments.intake import said
from tests.deployments.intake.conftest import Served
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw


def test_a_storm_is_one_incident_by_whichever_service_it_comes(serve: Callable[..., Served]) -> None:
    services = [serve(), serve()]
    storm = [said.group(said.prometheus()) for _ in range(200)]

    def send(number: int) -> int:
        return services[number % 2].send("alertmanager", storm[number]).status_code

    with ThreadPoolExecutor(16) as senders:
        assert set(senders.map(send, range(len(storm)))) == {200}
    (waiting,) = services[0].journal.openings.waiting()
    stored = services[0].journal.alerts.newest(limit=1_000)
    assert len(stored) == 200
    assert {one.opening for one in stored} == {waiting.opening}
    assert [one.joined for one in stored].count(False) == 1
    assert len(services[0].opened) + len(services[1].opened) == 1


def test_a_server_that_was_restarted_meanwhile_costs_no_alert(served: Served, roles: Roles) -> None:
    served.send("alertmanager", said.group(said.prometheus()))
    with psycopg.connect(roles.admin_url, autocommit=True) as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s AND datname = "
            "current_database()",
            [roles.runner],
        ).rowcount
    assert ended
    answers = [served.send("alertmanager", said.group(said.prometheus())) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len(served.journal.alerts.newest()) == 4


def test_each_problem_has_its_own(served: Served) -> None:
    for fingerprint in ("a", "b", "a", "c"):
        served.send("alertmanager", said.group(said.prometheus(fingerprint=fingerprint)))
    assert len(served.journal.openings.waiting()) == 3


def test_a_delivery_made_again_does_nothing(served: Served) -> None:
    body = said.encoded(said.sentry_issue())
    first, second = (served.post("sentry", body, said.signed(body)) for _ in range(2))
    assert (first.json()["replayed"], second.json()["replayed"]) == (False, True)
    assert second.status_code == 200
    assert len(served.journal.alerts.newest()) == 1


def test_that_it_is_over_opens_nothing_and_is_told_to_what_is_open(served: Served) -> None:
    over = said.group(said.prometheus(status="resolved"))
    assert served.send("alertmanager", over).json()["alerts"][0]["opening"] is None
    served.send("alertmanager", said.group(said.prometheus()))
    (waiting,) = served.journal.openings.waiting()
    assert served.send("alertmanager", over).json()["alerts"][0]["opening"] == waiting.opening
    # Nobody lives through it yet: there is nobody to tell.
    assert served.journal.alerts.news().ended == []
    served.journal.openings.dispatched(waiting.opening, 1, "run-1")
    with served.journal.hold("run-1") as log:
        log.append("engine", "opened", Raw("opened", {}))
    (ended,) = served.journal.alerts.news().ended
    assert (ended.incident, ended.source) == ("run-1", "alertmanager")


def begun(served: Served, run: str) -> None:
    """What waits is lived through, to its end."""
    (waiting,) = served.journal.openings.waiting()
    served.journal.openings.dispatched(waiting.opening, 1, run)
    with served.journal.hold(run) as log:
        log.append("engine", "opened", Raw("opened", {}))
        log.append("engine", "closed", Raw("closed", {"verdict": "not reproduced", "says": ""}))


def fire(served: Served, severity: str = "warning", status: str = "firing") -> Kept:
    one = said.prometheus(status=status)
    one["labels"]["severity"] = severity
    served.send("alertmanager", said.group(one))
    return served.journal.alerts.newest(1)[0]


@pytest.mark.parametrize(("severity", "within_s"), [("warning", "SAID_AGAIN_S"), ("critical", "URGENT_S")])
def test_what_is_only_said_again_opens_another_one_after_a_while(
    served: Served, monkeypatch: pytest.MonkeyPatch, severity: str, within_s: str
) -> None:
    first = fire(served, severity)
    begun(served, "run-1")
    again = fire(served, severity)
    assert (again.opening, again.incident, again.joined) == (first.opening, "run-1", True)
    assert "Only said again: its incident ended " in again.why
    monkeypatch.setattr(f"flows.journal.damping.{within_s}", 0.0)
    assert fire(served, severity).opening != first.opening


def test_what_was_over_and_begins_anew_opens_another_one_at_once(served: Served) -> None:
    first = fire(served)
    begun(served, "run-1")
    assert fire(served, status="resolved").opening == first.opening
    assert fire(served).opening != first.opening


def test_what_comes_and_goes_is_three_incidents_and_of_p0_every_one(served: Served) -> None:
    opened = set()
    for number in range(5):
        found = fire(served)
        opened.add(found.opening)
        if not found.joined:
            begun(served, f"run-{number}")
        fire(served, status="resolved")
    assert len(opened) == 3
    assert "It comes and goes: 3 incidents within 30 minutes." in found.why
    urgent = fire(served, "critical")
    assert urgent.opening not in opened


def test_what_cannot_be_stored_is_not_accepted(serve: Callable[..., Served]) -> None:
    served = serve(url=f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    answer = served.send("alertmanager", said.group(said.prometheus()))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json() == {"detail": "refused"}

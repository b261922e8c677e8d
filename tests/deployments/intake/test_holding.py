"""What is held back opens nothing and is not lost; what a person wants opened is; what is refused is counted."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors, sql
from pydantic import SecretStr

from deployments.intake.again import told_again
from deployments.intake.examine import examine
from deployments.intake.intake import Intake
from deployments.intake.metrics import exposition
from deployments.intake.settings import Listening
from flows.journal import Journal, Redactor
from flows.journal.holding import Snooze, TellsNothing
from flows.run.clock import now
from tasks.model import Verdict
from tests.deployments.intake import said
from tests.deployments.intake.conftest import CONFIG, Served
from tests.deployments.intake.test_dispatcher import dispatching
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw

QUIET = f"""
[[alerts.quiet]]
environment = "staging"
name = "PostgresDown"
start = {now() - timedelta(hours=1):%H:%M}:00
hours = 2
why = "the nightly load"
"""
GATHERED = """
[[alerts.rules]]
source = "alertmanager"
runbook = "database/connections-exhausted"
gather_s = %s
"""


def alert(served: Served, **labels: object) -> dict[str, object]:
    """What became of one of Alertmanager's alerts."""
    status, fingerprint = labels.pop("status", "firing"), labels.pop("fingerprint", "a1b2")
    one = said.prometheus(status=str(status), fingerprint=str(fingerprint))
    one["labels"] |= {"severity": "warning", **labels}
    answer = served.send("alertmanager", said.group(one))
    assert answer.status_code == 200
    (taken,) = answer.json()["alerts"]
    assert isinstance(taken, dict)
    return taken


def snooze(served: Served, for_s: float = 60, **what: str) -> None:
    served.journal.alerts.snooze(Snooze(actor="ana", reason="a deploy", **what), for_s)


def later(roles: Roles, by_s: float) -> None:
    """As if all that was held back or opened had been so long ago: no test has to be quick, and none waits."""
    moments = {"snoozes": "until", "alerts": "held_until", "openings": "at"}
    with psycopg.connect(roles.admin_url) as admin:
        for table, column in moments.items():
            place, moment = sql.Identifier("incident", table), sql.Identifier(column)
            guards = admin.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'", [f"incident.{table}"]
            ).fetchall()
            admin.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(place))
            earlier = sql.SQL("UPDATE {0} SET {1} = {1} - make_interval(secs => %s)").format(place, moment)
            admin.execute(earlier, [by_s])
            admin.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER ALL").format(place))
            for (guard,) in guards:
                enable = sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}")
                admin.execute(enable.format(place, sql.Identifier(guard)))


@pytest.mark.parametrize("what", ["fingerprint", "service", "environment"])
def test_what_a_person_holds_back_opens_nothing_until_the_time_is_over(served: Served, roles: Roles, what: str) -> None:
    fits = {"fingerprint": "alertmanager:a1b2", "service": "web", "environment": "staging"}[what]
    snooze(served, 3_600, **{what: fits})
    taken = alert(served, service="web")
    assert taken["opening"] is None
    (kept,) = served.journal.alerts.newest()
    assert "ana holds it back until" in kept.why
    dispatcher = dispatching(served)
    assert served.journal.alerts.news().due == []
    later(roles, 3_600)
    assert [one.alert for one in served.journal.alerts.news().due] == [kept.alert]
    for kept_back in served.journal.alerts.news().due * 2:
        served.journal.alerts.again(kept_back, f"held/{kept_back.alert}", dispatcher.route_again(kept_back))
    assert served.journal.alerts.news().due == []
    again, first = served.journal.alerts.newest()
    assert (first.opening, again.joined) == (None, False)
    assert [one.asked.reason for one in served.journal.openings.waiting()] == ["alertmanager: PostgresDown: It is down"]


def test_what_is_over_is_heard_of_however_much_fires_beside_it(served: Served) -> None:
    opening = alert(served)["opening"]
    served.journal.openings.dispatched(int(str(opening)), 1, "run-1")
    with served.journal.hold("run-1") as log:
        log.append("engine", "opened", Raw("opened", {}))
    alert(served, status="resolved")
    noise = [said.prometheus(fingerprint=f"noise-{number}") for number in range(1_100)]
    assert served.send("alertmanager", said.group(*noise)).status_code == 200
    assert [one.incident for one in served.journal.alerts.news().ended] == ["run-1"]


def test_what_is_over_before_that_is_not_taken_again(served: Served, roles: Roles) -> None:
    snooze(served, 3_600, service="web")
    alert(served, service="web")
    alert(served, service="web", status="resolved")
    later(roles, 3_600)
    assert served.journal.alerts.news().due == []


def test_p0_is_never_held_back_and_an_open_incident_is_joined(served: Served) -> None:
    snooze(served, environment="staging")
    assert alert(served, severity="critical")["opening"] is not None
    assert alert(served)["joined"]
    assert alert(served, fingerprint="other")["opening"] is None


def test_the_newest_word_decides_and_one_that_fits_everything_is_refused(served: Served) -> None:
    snooze(served, service="web")
    snooze(served, 0, service="web")
    assert alert(served, service="web")["opening"] is not None
    assert served.journal.alerts.snoozed() == []
    with pytest.raises(TellsNothing):
        snooze(served)


def test_quiet_hours_of_the_configuration_hold_back_what_fits(serve: Callable[..., Served]) -> None:
    served = serve(text=CONFIG + QUIET)
    assert alert(served)["opening"] is None
    assert "the nightly load" in served.journal.alerts.newest(1)[0].why
    assert alert(served, severity="critical", fingerprint="b")["opening"] is not None
    assert alert(served, environment="production", fingerprint="c")["opening"] is not None


def test_a_person_has_an_alert_taken_again_whatever_holds_it_back(serve: Callable[..., Served]) -> None:
    served = serve(text=CONFIG + QUIET)
    alert(served)
    (kept,) = served.journal.alerts.newest()
    settings, catalog = served.intake.settings, served.intake.catalog
    again = [
        served.journal.alerts.again(kept, f"replay/{n}", told_again(kept, settings, catalog, "ana")) for n in range(2)
    ]
    assert [taken and taken.joined for taken in again] == [False, True]
    (waiting,) = served.journal.openings.waiting()
    assert waiting.asked.reason == "alertmanager: PostgresDown: It is down (again, asked for by ana)"


def test_alerts_of_a_service_within_a_while_are_one_incident_where_a_rule_says_so(
    serve: Callable[..., Served], roles: Roles
) -> None:
    served = serve(text=CONFIG + GATHERED % 3_600)
    first = alert(served, service="web", fingerprint="a")
    second = alert(served, service="web", fingerprint="b")
    other = alert(served, service="mail", fingerprint="c")
    assert (first["opening"], second["joined"]) == (second["opening"], True)
    assert other["opening"] != first["opening"]
    later(roles, 3_601)
    assert alert(served, service="web", fingerprint="b")["opening"] == first["opening"]
    assert alert(served, service="web", fingerprint="d")["opening"] not in (first["opening"], other["opening"])


def test_a_problem_that_has_its_own_incident_stays_with_it_when_the_gathered_one_is_over(
    serve: Callable[..., Served], roles: Roles
) -> None:
    served = serve(text=CONFIG + GATHERED % 3_600)
    gathered = alert(served, service="web", fingerprint="a")["opening"]
    later(roles, 3_601)
    own = alert(served, service="web", fingerprint="b")["opening"]
    assert own != gathered
    served.journal.openings.dispatched(int(str(gathered)), 1, "run-1")
    with served.journal.hold("run-1") as log:
        log.append("engine", "closed", Raw("closed", {"verdict": "fixed"}))
    assert alert(served, service="web", fingerprint="b")["opening"] == own
    assert alert(served, service="web", fingerprint="b", status="resolved")["opening"] == own


def test_refusals_are_counted_and_the_doctor_tells_them(served: Served) -> None:
    for _ in range(3):
        assert served.send("alertmanager", said.group(said.prometheus()), secret="w" * 20).status_code == 401
    assert served.send("nobody", {}).status_code == 401
    alert(served)
    for _ in range(2):
        served.intake.write_refused()
    port = int(served.url.rpartition(":")[2])
    found = list(examine(served.journal.alerts, Listening(port=port), ("alertmanager", "sentry")))
    assert [finding.verdict for finding in found] == [Verdict.OK, Verdict.WARN, Verdict.WARN]
    assert "alertmanager: last 0 min ago. sentry: nothing yet." in found[0].says
    assert "1 delivery for a source that is not configured refused within a day: unknown source" in found[1].says
    assert "3 deliveries for alertmanager refused within a day: no valid proof" in found[2].says


@pytest.mark.parametrize("look", [lambda intake: intake.counts.unwritten(), exposition], ids=["written", "shown"])
def test_what_is_refused_can_be_counted_while_more_is(served: Served, look: Callable[[Intake], object]) -> None:
    refused, over, usual = served.intake.counts.refused, threading.Event(), sys.getswitchinterval()

    def refuse() -> None:
        while not over.is_set():
            for number in range(500):
                refused["", str(number)] += 1
            refused.clear()

    stranger = threading.Thread(target=refuse)
    # As if the other thread were unlucky each time.
    sys.setswitchinterval(1e-6)
    stranger.start()
    try:
        for _ in range(200):
            look(served.intake)
    finally:
        over.set()
        stranger.join()
        sys.setswitchinterval(usual)


def test_an_address_of_version_six_is_one(served: Served) -> None:
    assert Listening(host="::1", port=4280).url == "http://[::1]:4280"


def test_the_doctor_says_that_nobody_listens(served: Served) -> None:
    (finding,) = examine(served.journal.alerts, Listening(port=1), ())
    assert finding.verdict is Verdict.BAD
    assert "Nobody takes alerts at http://127.0.0.1:1" in finding.says


def test_old_alerts_may_go_and_those_of_the_last_month_not_even_by_the_owner(served: Served, roles: Roles) -> None:
    alert(served)
    alert(served, fingerprint="of long ago")
    with psycopg.connect(roles.admin_url) as admin:
        # Nobody else can: a superuser who switches off what guards them.
        for table in ("alerts", "deliveries"):
            admin.execute(f"ALTER TABLE incident.{table} DISABLE TRIGGER ALL")
            admin.execute(
                sql.SQL("UPDATE {} SET at = now() - interval '40 days' WHERE ctid = '(0,2)'").format(
                    sql.Identifier("incident", table)
                )
            )
            admin.execute(f"ALTER TABLE incident.{table} ENABLE ALWAYS TRIGGER only_grows")
            admin.execute(f"ALTER TABLE incident.{table} ENABLE ALWAYS TRIGGER goes_when_old")
    owner = Journal(SecretStr(roles.owner_url), Redactor([]))
    assert owner.retention.remove_alerts(f"{now() - timedelta(days=31):%Y-%m-%dT%H:%M:%SZ}") == 1
    assert len(served.journal.alerts.newest()) == 1
    with psycopg.connect(roles.owner_url) as session, pytest.raises(errors.RestrictViolation, match="last 30 days"):
        session.execute("DELETE FROM incident.alerts")

"""Our own intake, asked and tried: a real one over a real journal, and Debian's Alertmanager as a sender of ours."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deployments.ports import free_port
from tasks import secret_file
from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.intake.actions import PutSecretBack, PutSenderSecret, TestRefused, TestSilent
from tasks.intake.checks import (
    SILENT,
    check_alert_intake,
    check_alert_refusals,
    check_alert_sources,
    check_runbooks_reached,
)
from tasks.intake.faults import WrongSecret
from tasks.intake.system import AlertIntake, Sender
from tasks.model import CannotLook, Finding, Plan, Refused, Threshold, Verdict
from tests.conftest import needs
from tests.deployments.intake import said
from tests.deployments.intake.conftest import ASKS, CONFIG, SECRET, STATUS, Served, migrated, roles, serve
from tests.tasks.web.conftest import Reply, Vendor, vendor, waits

__all__ = ["migrated", "roles", "serve", "vendor", "waits"]

WRONG = "a-wrong-secret-of-these-tests"
ALERTMANAGER = "alertmanager"


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    started = serve(text=ASKS + CONFIG)
    started.reached_at(started.url)
    return started


@pytest.fixture
def file(tmp_path: Path) -> Path:
    held = tmp_path / "alertmanager-secret"
    held.write_text(f"{SECRET}\n", encoding="utf-8")
    held.chmod(0o600)
    return held


@pytest.fixture
def intake(served: Served, file: Path) -> AlertIntake:
    senders = {ALERTMANAGER: Sender(secret_file=file, secret=SecretStr(SECRET))}
    return AlertIntake(url=served.url, secret=SecretStr(STATUS), senders=senders)


def refuse(served: Served, times: int = 3) -> None:
    for _ in range(times):
        assert served.send(ALERTMANAGER, said.group(said.prometheus(status="resolved")), WRONG).status_code == 401


def deliver(served: Served) -> None:
    assert served.send(ALERTMANAGER, said.group(said.prometheus(status="resolved"))).status_code == 200


def refusals(intake: AlertIntake) -> Finding:
    return check_alert_refusals.fn(intake)


def test_it_puts_exactly_the_secret_in_place_that_was_approved(intake: AlertIntake, file: Path) -> None:
    file.write_text(f"{WRONG}\n", encoding="utf-8")
    plan = PutSenderSecret().plan(intake)
    assert [command.target["sender"] for command in plan.commands] == [ALERTMANAGER]
    assert (plan.blast_radius.touched, plan.blast_radius.total) == (1, 1)
    assert PutSenderSecret().applied(intake, plan) is False
    outcome = PutSenderSecret().apply(intake, plan)
    assert (outcome.complete, file.read_text(), file.stat().st_mode & 0o777) == (True, f"{SECRET}\n", 0o600)
    assert PutSenderSecret().applied(intake, plan) is True
    assert not [text for text in (SECRET, WRONG) if text in f"{plan}{outcome}"]
    # A second run finds nothing to do.
    assert PutSenderSecret().plan(intake).commands == ()


def test_what_was_put_in_place_is_put_back(intake: AlertIntake, file: Path) -> None:
    file.write_text(f"{WRONG}\n", encoding="utf-8")
    plan = PutSenderSecret().plan(intake)
    outcome = PutSenderSecret().apply(intake, plan)
    back = PutSenderSecret().undoing(plan, outcome)
    assert isinstance(back, PutSecretBack)
    undo = back.plan(intake)
    assert back.apply(intake, undo).complete
    assert (file.read_text(), back.applied(intake, undo)) == (f"{WRONG}\n", True)
    assert back.plan(intake).commands == ()


def test_a_secret_that_somebody_else_has_put_there_is_left_alone(intake: AlertIntake, file: Path) -> None:
    file.write_text(f"{WRONG}\n", encoding="utf-8")
    plan = PutSenderSecret().plan(intake)
    file.write_text("a-third-secret-of-somebody-else\n", encoding="utf-8")
    with pytest.raises(Refused, match="Somebody has given alertmanager another secret meanwhile"):
        PutSenderSecret().apply(intake, plan)
    assert file.read_text() == "a-third-secret-of-somebody-else\n"
    changed = {ALERTMANAGER: Sender(secret_file=file, secret=SecretStr("the-next-secret-of-these-tests"))}
    with pytest.raises(Refused, match="is not the one that was approved"):
        PutSenderSecret().apply(intake.model_copy(update={"senders": changed}), plan)


def test_a_test_alert_is_sent_of_exactly_the_refused_sources(served: Served, intake: AlertIntake) -> None:
    assert TestRefused().plan(intake).commands == ()
    refuse(served)
    plan = TestRefused().plan(intake)
    assert [command.target for command in plan.commands] == [{"source": ALERTMANAGER, "tested": ""}]
    assert TestRefused().applied(intake, plan) is None
    outcome = TestRefused().apply(intake, plan)
    assert (outcome.complete, outcome.says) == (True, "1 of 1 test alerts arrived.")
    assert [one.source for one in served.journal.alerts.newest()] == [ALERTMANAGER]
    assert (served.opened, TestRefused().applied(intake, plan)) == ([], True)
    # Ours arrived; that says nothing of what the sender has.
    assert refusals(intake).verdict is Verdict.BAD


def test_one_that_does_not_arrive_is_not_called_done(served: Served, intake: AlertIntake, vendor: Vendor) -> None:
    refuse(served)
    vendor.replies = [Reply(status=403)]
    served.reached_at(vendor.url)
    outcome = TestRefused().apply(intake, TestRefused().plan(intake))
    assert not outcome.complete
    assert outcome.says.startswith(f"0 of 1 test alerts arrived. alertmanager: {vendor.url} answers 403: ")
    assert SECRET not in f"{outcome}"


def test_a_silent_source_is_tested_and_not_silent_any_more(served: Served, intake: AlertIntake) -> None:
    found = check_alert_sources.fn(intake)
    assert (found.verdict, found.value) == (Verdict.WARN, None)
    assert found.says.startswith("Of 12 sources of alerts, never heard nor tested: sentry, ")
    plan = TestSilent().plan(intake)
    assert len(plan.commands) == 12
    assert TestSilent().apply(intake, plan).complete
    found = check_alert_sources.fn(intake)
    assert found.verdict is Verdict.OK
    assert found.says.endswith("was heard or tested 0.0 days ago, the others later.")
    assert TestSilent().plan(intake).commands == ()
    # Long ago is a matter of the limit.
    long_ago = Threshold(warn=-2, bad=-1, because="Of this test.")
    assert check_alert_sources.fn(intake, silent=long_ago).verdict is Verdict.BAD
    assert len(TestSilent().plan(intake, silent=long_ago).commands) == 12


@pytest.mark.parametrize(
    ("days", "verdict"), [(29.9, Verdict.OK), (30, Verdict.WARN), (89.9, Verdict.WARN), (90, Verdict.BAD)]
)
def test_silence_is_judged_by_days(days: float, verdict: Verdict) -> None:
    assert SILENT.judge(days * 86_400) is verdict


def test_it_says_who_is_refused_and_what_to_compare(served: Served, intake: AlertIntake) -> None:
    assert refusals(intake).says == "Nothing that 12 sources sent within a day was refused."
    refuse(served, 2)
    assert refusals(intake).verdict is Verdict.WARN
    refuse(served, 1)
    found = refusals(intake)
    assert (found.verdict, found.value) == (Verdict.BAD, 3)
    assert "alertmanager: 3 refused (no valid proof), the last " in found.says
    assert found.says.endswith("UTC, none taken since.")
    [row] = found.rows
    assert (row["source"], row["last_taken"]) == (ALERTMANAGER, "never")
    assert f'printf %s "$SECRET" | sha256sum   # begins with {row["sha256_begins"]}' in found.remedy
    assert not [text for text in (SECRET, WRONG, STATUS) if text in f"{found}"]


def test_what_is_taken_again_is_no_loss(served: Served, intake: AlertIntake) -> None:
    refuse(served)
    deliver(served)
    found = refusals(intake)
    assert found.verdict is Verdict.OK
    assert found.says == "Refused within a day. alertmanager: refused within a day, and taken again."


def test_strangers_are_a_note_and_no_loss(served: Served, intake: AlertIntake) -> None:
    for _ in range(5):
        served.send("nobody-here", said.group(said.prometheus()))
    found = refusals(intake)
    assert found.verdict is Verdict.OK
    assert "for no source of ours: 5 refused (unknown source)" in found.says


def test_it_answers_where_senders_reach_it(served: Served, intake: AlertIntake) -> None:
    found = check_alert_intake.fn(intake)
    assert (found.verdict, found.says) == (Verdict.OK, f"{served.url} takes alerts of 12 sources.")
    assert [one.verdict for one in intake.examine()] == [Verdict.OK]
    served.reached_at("https://alerts.example.com")
    assert check_alert_intake.fn(intake).verdict is Verdict.WARN
    assert check_runbooks_reached.fn(intake).says == "Something opens every runbook there is."


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(status=401), "does not take our secret (401)."),
        (Reply(status=404), "is no intake of ours."),
        (Reply(body=b"<html>Welcome</html>"), "is no intake of ours."),
        (Reply(body=b'{"sources": 1}'), "is no intake of ours."),
        (Reply(status=502), "502"),
    ],
)
@pytest.mark.usefixtures("waits")
def test_nobody_or_somebody_else_there_is_bad(vendor: Vendor, reply: Reply, says: str) -> None:
    vendor.replies = [reply]
    found = check_alert_intake.fn(AlertIntake(url=vendor.url, secret=SecretStr(STATUS)))
    assert found.verdict is Verdict.BAD
    assert found.says.startswith("No alert arrives: ")
    assert says in found.says
    assert STATUS not in f"{found}"


def test_the_other_questions_do_not_pass_for_health_where_nobody_answers() -> None:
    nowhere = AlertIntake(url=f"http://127.0.0.1:{free_port()}", secret=SecretStr(STATUS))
    for asked in (check_alert_refusals, check_alert_sources, check_runbooks_reached):
        with pytest.raises(CannotLook):
            asked.fn(nowhere)


def place(intake: AlertIntake, kind: Kind) -> Environment:
    return Environment(name="here", kind=kind, systems={"intake": intake})


def test_a_drill_gives_a_wrong_secret_and_takes_it_back(intake: AlertIntake, file: Path) -> None:
    with WrongSecret().during(place(intake, Kind.STAGING)):
        assert secret_file.read(file, "secret").get_secret_value() != SECRET
    assert file.read_text() == f"{SECRET}\n"
    with pytest.raises(RefusesProduction), WrongSecret().during(place(intake, Kind.PRODUCTION)):
        pass
    assert file.read_text() == f"{SECRET}\n"
    bare = intake.model_copy(update={"senders": {}})
    with pytest.raises(Refused, match="none is named under `senders`"), WrongSecret().during(place(bare, Kind.LAB)):
        pass


@pytest.fixture
def alertmanager(served: Served, file: Path, tmp_path: Path) -> Iterator[str]:
    """It reads its secret from the file for each delivery, and tells of each alert within a second."""
    program = needs("prometheus-alertmanager")
    config, port = tmp_path / "alertmanager.yml", free_port()
    config.write_text(
        f"""
route: {{ receiver: incident, group_wait: 0s, group_interval: 1s, group_by: ["..."] }}
receivers:
  - name: incident
    webhook_configs:
      - url: {served.url}/alerts/alertmanager
        http_config: {{ authorization: {{ credentials_file: {file} }} }}
""",
        encoding="utf-8",
    )
    command = [program, f"--config.file={config}", f"--storage.path={tmp_path / 'data'}", "--cluster.listen-address="]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _is_ready(url))
        yield url
    finally:
        server.terminate()
        server.wait()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def until(true: Callable[[], bool]) -> None:
    latest = time.monotonic() + 60
    while not true():
        assert time.monotonic() < latest
        time.sleep(0.1)


def fire(url: str, name: str) -> None:
    alert: list[Any] = [{"labels": {"alertname": name}}]
    httpx.post(f"{url}/api/v2/alerts", json=alert, trust_env=False).raise_for_status()


def test_a_real_sender_with_a_wrong_secret_is_found_given_the_right_one_and_heard(
    served: Served, intake: AlertIntake, alertmanager: str, file: Path
) -> None:
    with WrongSecret().during(place(intake, Kind.STAGING)):
        for number in range(3):
            fire(alertmanager, f"Of{number}")
        until(lambda: refusals(intake).verdict is Verdict.BAD)
        plan: Plan = PutSenderSecret().plan(intake)
        assert PutSenderSecret().apply(intake, plan).complete
        # Alertmanager gives a 401 up, and tells of what fires when its group changes again.
        fire(alertmanager, "Later")
        until(lambda: refusals(intake).verdict is Verdict.OK)
    assert served.journal.alerts.last().keys() == {ALERTMANAGER}
    assert file.read_text() == f"{SECRET}\n"

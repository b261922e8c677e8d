"""The spare token for Slack: put in place only of one that Slack refuses, and taken back; by the lab's own Slack."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from deployments.lab import slack as lab
from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.model import Refused, Verdict
from tasks.slack.actions import PutSlackTokenBack, UseSpareSlackToken
from tasks.slack.checks import check_slack_token
from tasks.slack.faults import WrongSlackToken
from tasks.slack.system import SlackApi

FIRST, SPARE, WRONG = (f"xoxb-a-token-of-these-tests-{word}" for word in ("first", "spare", "wrong"))


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[SlackApi]:
    (tmp_path / lab.TOKENS).write_text(f"{FIRST}\n{SPARE}\n", encoding="utf-8")
    file = tmp_path / lab.TOKEN
    file.write_text(f"{FIRST}\n", encoding="utf-8")
    file.chmod(0o600)
    with lab.Slack(tmp_path, 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield SlackApi(url=f"http://127.0.0.1:{server.server_port}", key_file=file, spare_key=SecretStr(SPARE))
        server.shutdown()


def held(slack: SlackApi) -> str:
    return slack.key_now().get_secret_value()


def put(slack: SlackApi, token: str) -> None:
    assert slack.key_file is not None
    slack.key_file.write_text(f"{token}\n", encoding="utf-8")


def test_it_replaces_exactly_the_token_that_is_refused_and_takes_it_back(slack: SlackApi) -> None:
    assert UseSpareSlackToken().plan(slack).commands == ()
    put(slack, WRONG)
    plan = UseSpareSlackToken().plan(slack)
    assert UseSpareSlackToken().applied(slack, plan) is False
    outcome = UseSpareSlackToken().apply(slack, plan)
    assert (outcome.complete, held(slack), UseSpareSlackToken().applied(slack, plan)) == (True, SPARE, True)
    assert not [token for token in (FIRST, SPARE, WRONG) if token in f"{plan}{outcome}"]
    assert UseSpareSlackToken().plan(slack).commands == ()
    back = UseSpareSlackToken().undoing(plan, outcome)
    assert isinstance(back, PutSlackTokenBack)
    assert back.apply(slack, back.plan(slack)).complete
    assert held(slack) == WRONG
    assert back.plan(slack).commands == ()


def test_what_somebody_else_has_put_there_is_left_alone(slack: SlackApi) -> None:
    put(slack, WRONG)
    plan = UseSpareSlackToken().plan(slack)
    put(slack, FIRST)
    with pytest.raises(Refused, match="Somebody has put another key"):
        UseSpareSlackToken().apply(slack, plan)
    assert held(slack) == FIRST


def test_a_spare_one_that_is_refused_as_well_is_not_put_there(slack: SlackApi) -> None:
    put(slack, WRONG)
    with pytest.raises(Refused, match="too: “Slack refuses our token: “invalid_auth”"):
        UseSpareSlackToken().plan(slack.model_copy(update={"spare_key": SecretStr("xoxb-nobody-knows-this-one")}))
    assert held(slack) == WRONG


@pytest.mark.parametrize("given", [{}, {"key": FIRST, "key_file": "/run/secrets/slack"}])
def test_it_wants_one_token(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="one of the two") as refused:
        SlackApi.model_validate(given)
    assert FIRST not in str(refused.value)


def test_a_drill_breaks_it_until_it_is_mended(slack: SlackApi) -> None:
    place = Environment(name="here", kind=Kind.STAGING, systems={"slack": slack})
    with WrongSlackToken().during(place):
        for _ in range(2):
            assert check_slack_token.fn(slack).verdict is Verdict.BAD
        assert UseSpareSlackToken().apply(slack, UseSpareSlackToken().plan(slack)).complete
        assert check_slack_token.fn(slack).verdict is Verdict.OK
    assert held(slack) == FIRST
    there = Environment(name="there", kind=Kind.PRODUCTION, systems={"slack": slack})
    with pytest.raises(RefusesProduction), WrongSlackToken().during(there):
        pass
    assert held(slack) == FIRST

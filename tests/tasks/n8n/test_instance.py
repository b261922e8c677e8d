"""n8n itself: alive and ready told apart, and what is wrong with a key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deployments.lab.n8n import Reply
from deployments.ports import free_port
from tasks.model import CannotLook, Refused, Verdict
from tasks.n8n.instance.checks import check_n8n_answers, check_n8n_key
from tasks.n8n.system import READS, N8n
from tasks.n8n.told import State
from tests.tasks.n8n.conftest import FEW, KEY, StandIn

answers, key = check_n8n_answers.fn, check_n8n_key.fn


def test_it_answers_and_is_ready(n8n: N8n) -> None:
    found = answers(n8n)
    assert found.verdict is Verdict.OK
    assert found.says == "n8n: it answers and is ready."


def test_it_answers_although_its_database_is_gone(standin: StandIn, n8n: N8n) -> None:
    standin.tell(unready=True)
    found = answers(n8n)
    assert found.verdict is Verdict.BAD
    assert found.facts == {"alive": True, "ready": False}
    assert found.says == "n8n: it answers, and is not ready (503)."


def test_it_is_down_where_nobody_listens(standin: StandIn) -> None:
    found = answers(standin.door(url=f"http://127.0.0.1:{free_port()}"))
    assert found.verdict is Verdict.BAD
    assert found.facts == {"alive": False, "ready": False}


def test_it_is_not_asked_with_the_key_whether_it_is_well(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    answer = standin.engine.answer

    def heard(method: str, target: str, given: str, body: bytes) -> Reply:
        keys.append(given)
        return answer(method, target, given, body)

    monkeypatch.setattr(standin.engine, "answer", heard)
    answers(standin.door())
    assert keys == ["", ""]


def test_a_page_that_is_no_health_page_is_no_health(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standin.engine, "answer", lambda *_: (200, "<!DOCTYPE html>"))
    with pytest.raises(Refused, match="not as n8n's public API"):
        answers(standin.door())


def test_it_takes_a_key_that_may_look(n8n: N8n) -> None:
    assert key(n8n).verdict is Verdict.OK


def test_it_names_each_scope_that_is_missing_and_what_for(standin: StandIn) -> None:
    found = key(standin.door(key=FEW))
    assert found.verdict is Verdict.BAD
    assert "execution:list (what ran)" in found.says
    assert "workflow:list (" not in found.says


@pytest.mark.parametrize(
    "ask",
    [
        lambda door: door.scopes(),
        lambda door: door.workflows(),
        lambda door: list(door.executions(State.ERROR)),
        lambda door: door.retry("1"),
        lambda door: door.stop("1"),
        lambda door: door.switch("labWorkflow00001", on=False),
    ],
)
def test_a_wrong_key_is_refused_and_not_repeated(standin: StandIn, ask: Callable[[N8n], object]) -> None:
    with pytest.raises(Refused, match="does not take this key") as refused:
        ask(standin.door(key="wrong-key-9"))
    assert "wrong-key-9" not in refused.value.says + refused.value.remedy
    assert "N8N_PUBLIC_API_DISABLED" in refused.value.remedy


def test_a_key_without_the_scope_says_so(standin: StandIn) -> None:
    with pytest.raises(Refused, match="may not do this"):
        list(standin.door(key=FEW).executions(State.ERROR))


def test_an_address_that_leads_to_the_editor_is_told(standin: StandIn) -> None:
    with pytest.raises(Refused, match="not as n8n's public API"):
        standin.door(api="/other/v1").workflows()


def test_doctor_names_what_is_wrong(standin: StandIn) -> None:
    assert {found.verdict for found in standin.door().examine()} == {Verdict.OK}
    assert [found.verdict for found in standin.door(key="wrong").examine()] == [Verdict.OK, Verdict.BAD]
    few = list(standin.door(key=FEW).examine())[-1]
    assert few.verdict is Verdict.BAD
    assert "execution:retry (retry)" in few.says
    assert KEY not in str(few)


def test_a_key_that_may_only_look_is_worth_a_warning(standin: StandIn) -> None:
    standin.allow("looks", list(READS))
    found = list(standin.door(key="looks").examine())[-1]
    assert found.verdict is Verdict.WARN
    assert "execution:retry" in found.says


def test_doctor_does_not_see_what_is_down(standin: StandIn) -> None:
    found = list(standin.door(url=f"http://127.0.0.1:{free_port()}").examine())
    assert [one.verdict for one in found] == [Verdict.UNKNOWN]


def test_nothing_that_does_not_answer_passes_for_an_empty_list(standin: StandIn) -> None:
    door = standin.door(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(CannotLook):
        door.workflows()


@pytest.mark.parametrize("api", ["api/v1", "/api/v1/", "/api/../admin", "/a?b", "//evil.example"])
def test_its_path_is_a_path(standin: StandIn, api: str) -> None:
    with pytest.raises(ValueError, match="api"):
        standin.door(api=api)

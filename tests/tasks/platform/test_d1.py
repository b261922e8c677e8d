"""D1: it answers, its way back is told, and its token is nobody else's business."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.lab import platform as lab
from tasks.d1.checks import check_d1_answers, check_d1_size, check_d1_status, check_d1_way_back
from tasks.d1.system import D1
from tasks.model import CannotLook, Refused, Verdict
from tests.tasks.platform.conftest import Standing

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.BAD, Verdict.UNKNOWN


def answered(results: list[dict[str, Any]], **meta: Any) -> tuple[int, Any]:
    return 200, {"success": True, "errors": [], "result": [{"results": results, "success": True, "meta": meta}]}


def test_it_answers_and_has_a_way_back(d1: D1, standing: Standing) -> None:
    told = check_d1_answers.fn(d1)
    assert told.verdict is OK
    assert told.says.startswith("The D1 database answers SELECT 1 in 0.00")
    assert check_d1_size.fn(d1).verdict is OK
    assert check_d1_status.fn(d1).verdict is OK
    back = check_d1_way_back.fn(d1)
    assert back.verdict is OK
    assert str(back.facts["bookmark"]).startswith("00000085-0000024c-20")
    assert [method for method, target in standing.asked if "time_travel" in target] == ["GET", "GET"]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (answered([{"one": 1}], duration=999.0), OK),
        (answered([{"one": 1}], duration=1000.0), WARN),
        (answered([{"one": 1}], duration=5000.0), BAD),
        # Without a figure it answered all the same.
        (answered([{"one": 1}]), OK),
        (answered([{"one": 2}], duration=1.0), BAD),
        (answered([], duration=1.0), BAD),
        ((500, {"success": False, "errors": [{"code": 7500, "message": "internal error"}]}), BAD),
        ((429, {}), BAD),
    ],
)
def test_it_judges_the_answer(d1: D1, standing: Standing, answer: Any, verdict: Verdict) -> None:
    standing.instead = answer
    assert check_d1_answers.fn(d1).verdict is verdict


def test_a_refused_token_is_no_trouble_of_the_database(d1: D1, standing: Standing) -> None:
    standing.instead = (403, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]})
    with pytest.raises(Refused, match="refuses us"):
        check_d1_answers.fn(d1)


@pytest.mark.parametrize(("size", "verdict"), [(7.9e9, OK), (8e9, WARN), (9.5e9, BAD), (None, UNKNOWN)])
def test_it_judges_how_full_it_is(d1: D1, standing: Standing, size: float | None, verdict: Verdict) -> None:
    standing.instead = answered([{"one": 1}], **({"size_after": size} if size is not None else {}))
    assert check_d1_size.fn(d1).verdict is verdict


def test_it_says_that_there_is_no_way_back(d1: D1, standing: Standing) -> None:
    standing.instead = (
        400,
        {"success": False, "errors": [{"code": 7400, "message": "timestamp is too far in the past"}]},
    )
    told = check_d1_way_back.fn(d1)
    assert told.verdict is WARN
    assert "too far in the past" in told.says


def test_an_export_is_fetched_without_our_token(d1: D1, standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.d1.system.POLL_S", 0.01)
    lab_d1 = standing.folder / lab.D1
    d1.query("SELECT 1")
    assert lab_d1.exists()
    seen: list[str | None] = []
    answer = standing.answer

    def watched(method: str, target: str, headers: Any, body: bytes) -> Any:
        if "signed" in target:
            seen.append(headers.get("authorization"))
        return answer(method, target, headers, body)

    monkeypatch.setattr(standing, "answer", watched)
    assert d1.export() == b"\n"
    assert seen == [None]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            {"status": "error", "success": False, "messages": ["out of memory"]},
            "could not export the database: “out of",
        ),
        ({"status": "complete", "success": True, "result": {"signed_url": "file:///etc/passwd"}}, "lies nowhere"),
        ({"status": "complete", "success": True}, "lies nowhere"),
        ({"success": False}, "could not export"),
    ],
)
def test_an_export_that_fails_says_so(d1: D1, standing: Standing, result: Any, said: str) -> None:
    standing.instead = (200, {"success": True, "result": result})
    with pytest.raises(CannotLook, match=said):
        d1.export()

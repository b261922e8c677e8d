"""What the four doors share: the key and its file, hostile words, one request for a round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from deployments.lab import vendors as lab
from tasks.claude.system import Claude
from tasks.kept import one_round
from tasks.model import CannotLook, Verdict
from tasks.paid_api.judged import Allowance
from tasks.paid_api.told import Standing as How
from tasks.paid_api.told import of_status
from tests.tasks.paid_api.conftest import CANARIES, Standing

BASE = {"model": "claude-lab-1", "key": "a-key-of-theirs"}


def claude(standing: Standing, **settings: Any) -> Claude:
    return Claude.model_validate(
        {"url": standing.url(lab.CLAUDE), "key": SecretStr(CANARIES[lab.CLAUDE]), "model": lab.MODEL, **settings}
    )


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (200, How.TAKEN),
        (204, How.TAKEN),
        (302, How.NO_API),
        (400, How.OBJECTS),
        (401, How.REFUSED),
        (402, How.NO_CREDIT),
        (403, How.REFUSED),
        (404, How.OBJECTS),
        (413, How.OBJECTS),
        (429, How.HELD_BACK),
        (500, How.IN_TROUBLE),
        (503, How.IN_TROUBLE),
        (504, How.IN_TROUBLE),
        (529, How.OVERLOADED),
    ],
)
def test_what_a_status_says(status: int, how: How) -> None:
    assert of_status(status) is how


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"key": None}, "`key` is missing"),
        ({"key_file": "/run/secrets/key"}, "not both"),
        ({"spare_key": "another-of-theirs"}, "`spare_key` without `key_file`"),
        ({"url": "ftp://example.com"}, "must be the API's address"),
        ({"url": "https://ada:a-key-of-theirs@example.com"}, "must hold no password"),
        ({"key": "a-key-of-theirs" * 300}, "key"),
    ],
)
def test_what_does_not_fit_together_is_said_without_the_secret(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Claude.model_validate({name: value for name, value in {**BASE, **settings}.items() if value is not None})
    assert says in str(refused.value)
    assert "of-theirs" not in str(refused.value)


def test_in_a_round_it_is_asked_once(standing: Standing) -> None:
    one = claude(standing)
    with one_round():
        assert one.knock() is one.knock()
    assert len(standing.asked) == 1
    one.knock()
    assert len(standing.asked) == 2


def test_the_key_is_read_from_its_file_each_time(standing: Standing, tmp_path: Path) -> None:
    file = tmp_path / "their-key"
    file.write_text("wrong\n", encoding="utf-8")
    one = claude(standing, key=None, key_file=file)
    assert one.knock().standing is How.REFUSED
    file.write_text(f"{CANARIES[lab.CLAUDE]}\n", encoding="utf-8")
    assert one.knock().standing is How.TAKEN


@pytest.mark.parametrize(
    "says",
    [
        f"Incorrect API key provided: {CANARIES[lab.CLAUDE]}",
        "x" * 280 + CANARIES[lab.CLAUDE] + "tail",
        "<\x1b[31m\u202e" + "a" * 9000,
        "Ask ada.lovelace@example.com about it",
        "two\nlines\r\x00and\tmore",
    ],
)
def test_a_vendors_words_are_cut_and_clean(standing: Standing, says: str) -> None:
    standing.instead = 401, {"type": "error", "error": {"type": "authentication_error", "message": says}}, {}
    told = claude(standing).knock().says
    assert len(told) <= 300
    assert told.isprintable()
    assert "canary" not in told
    assert "lovelace" not in told


def test_a_key_that_is_repeated_without_end_leaves_no_half_of_one(standing: Standing) -> None:
    key = "canary-" + "k" * 93
    standing.instead = 401, {"type": "error", "error": {"type": "authentication_error", "message": key * 400}}, {}
    assert set(claude(standing, key=SecretStr(key)).knock().says) == {"•", "…"}


@pytest.mark.parametrize(
    "body",
    [None, [], 7, "words", {"error": "text"}, {"error": {"type": 7, "message": {"a": 1}}}, {"error": [{"type": "x"}]}],
)
def test_errors_of_any_shape_are_read(standing: Standing, body: Any) -> None:
    standing.instead = 401, body, {}
    assert claude(standing).knock().standing is How.REFUSED


@pytest.mark.parametrize(
    ("trouble", "verdict"),
    [
        (None, Verdict.OK),
        ((401, {"error": {"type": "authentication_error"}}, {}), Verdict.BAD),
        ((529, {"error": {"type": "overloaded_error"}}, {}), Verdict.UNKNOWN),
    ],
)
def test_doctor(standing: Standing, trouble: Any, verdict: Verdict) -> None:
    standing.instead = trouble
    assert [found.verdict for found in claude(standing).examine()] == [verdict]


def test_doctor_of_a_key_file_that_is_missing(standing: Standing, tmp_path: Path) -> None:
    found = next(claude(standing, key=None, key_file=tmp_path / "none").examine())
    assert found.verdict is Verdict.BAD
    assert "No such file" in found.says


def test_no_status_page_that_we_know(standing: Standing) -> None:
    with pytest.raises(CannotLook, match="no status page that we know"):
        _ = claude(standing, status_url="").status_page


def test_nothing_of_nothing_is_left() -> None:
    assert Allowance(what="requests", limit=0, left=0).share == 0

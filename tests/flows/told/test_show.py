"""The story a person decides by: everything in it, and nothing but what was meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flows.case.question import Question
from flows.told.show import lasted, plan_lines, shown, story, table
from flows.told.words import plain
from tasks.model import BlastRadius, Command, Json, Plan, Risk
from tests.flows.hostile import HOSTILE, OURS, seen, tags

PLAN = Plan(
    does="End pid 7 (billing).",
    commands=(Command(line="SELECT pg_terminate_backend(7);", target={"pid": 7}),),
    blast_radius=BlastRadius(touched=1, total=41, noun="sessions"),
    risk=Risk.MODERATE,
    loses="Its transaction is rolled back.",
    evidence=[{"pid": 7, "waited_s": 12.84, "query": "UPDATE leads", "client": None}],
)
QUESTION = Question(
    incident="0" * 36,
    environment="lab",
    key="step/end/ask/1",
    title="End the session",
    reason="3 sessions wait for a lock.",
    plan=PLAN,
    digest="abcdef0123456789",
    expires_at=datetime(2026, 11, 21, 4, 42, tzinfo=UTC),
)
PLAIN_STORY = """\
### End the session?

In **lab** · answer until **2026-11-21 04:42 UTC**; without an answer nothing is done.

**Found:** 3 sessions wait for a lock.

**Will do:** End pid 7 (billing).

```sql
SELECT pg_terminate_backend(7);
```

**Touches:** 1 of 41 sessions. **Risk:** moderate.

**Way back:** Its transaction is rolled back.

**Seen when planning:**

|  | seen |
| --- | --- |
| pid | 7 |
| waited | 13 s |
| query | UPDATE leads |


Plan `abcdef012345`"""


def test_it_tells_the_whole_story() -> None:
    assert story(QUESTION) == PLAIN_STORY


def test_it_says_first_why_the_last_answer_did_not_count() -> None:
    told = story(replace(QUESTION, refused="'mallory' is not on the roster."))
    assert told.startswith("> **The last answer did not count.** 'mallory' is not on the roster.\n\n### End")


def _hostile(text: str) -> Question:
    """A question in which everything from outside is `text`."""
    command = Command(line=text, target={})
    plan = replace(PLAN, does=text, loses=text, commands=(command,), evidence=[{"query": text, text: "value"}])
    return replace(QUESTION, title=text, reason=text, environment=text, refused=text, plan=plan)


@pytest.mark.parametrize("text", HOSTILE)
def test_it_gives_no_element_to_text_from_outside(text: str) -> None:
    found = tags(story(_hostile(text)))
    harmless = tags(story(_hostile("harmless")))
    # `code` within a sentence is shown as code; anything else would be an element of the text's own.
    assert [tag for tag in found if tag != "code"] == [tag for tag in harmless if tag != "code"]
    assert set(found) <= OURS | {"blockquote"}


@pytest.mark.parametrize("text", HOSTILE)
def test_it_shows_no_character_that_steers_a_terminal(text: str) -> None:
    assert all(character.isprintable() or character == "\n" for character in story(_hostile(text)))


@pytest.mark.parametrize("text", ["```", "a ```` b", "```sql\nDROP TABLE leads;\n```"])
def test_it_keeps_a_command_within_its_fence(text: str) -> None:
    told = story(replace(QUESTION, plan=replace(PLAN, commands=(Command(line=text, target={}),))))
    assert tags(told).count("pre") == 1
    assert "Touches: 1 of 41 sessions." in seen(told)


def test_it_shows_a_command_to_the_letter() -> None:
    line = "SELECT  'two  spaces',\n\t'and a tab' -- *stars* <tags>"
    told = plan_lines(replace(PLAN, commands=(Command(line=line, target={}),)))
    assert line in "\n".join(told)


def test_it_stays_readable_with_a_megabyte_everywhere() -> None:
    told = story(_hostile("Ünglück | ` " * 100_000))
    assert len(told) < 100_000
    assert "cut; 1,200,000 characters in all" in told


def test_it_shows_many_rows_as_one_table() -> None:
    told = "\n".join(plan_lines(replace(PLAN, evidence=[{"pid": n} for n in range(30)])))
    assert told.endswith("| 19 |\n\n… and 10 more.")


def test_it_keeps_the_columns_of_rows_that_differ() -> None:
    assert table([{"a": 1}, {"b": True}]) == ["| a | b |", "| --- | --- |", "| 1 |  |", "|  | yes |"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("touched", False, "no"),
        ("pid", 12345, "12345"),
        ("ratio", 0.05, "0.05"),
        ("waited_s", 3723.4, "62 min"),
        ("waiters", [4635, 4637], "4635, 4637"),
        ("target", {"pid": 1, "age_s": 2.0}, "pid: 1, age_s: 2.0 s"),
        ("backend_start", "2026-11-21T05:41:55.868347+02:00", "2026-11-21 03:41:55 UTC"),
        ("query", "2026-11-21 is no moment", "2026-11-21 is no moment"),
        ("client", None, ""),
    ],
)
def test_it_shows_a_field_as_a_person_reads_it(name: str, value: Json, expected: str) -> None:
    assert shown(name, value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.8, "13 s"), (119.4, "119 s"), (200, "3 min"), (7_800, "2 h 10 min")],
)
def test_it_rounds_durations(seconds: float, expected: str) -> None:
    assert lasted(seconds) == expected


def test_it_makes_control_characters_visible() -> None:
    assert plain("\x1b[31mred\r\x00\u202e") == "\\x1b[31mred\\r\\x00\\u202e"

"""Hundreds of commands: does whoever approves them see what kinds there are, and where to read them all?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.case.bodies import plan_body, plan_digest, plan_from
from flows.told.commands import COMMANDS_SHOWN, KINDS, commands_lines, fenced, kinds, moved
from flows.told.show import story
from tasks.model import Command
from tests.flows.told.test_show import PLAN, QUESTION

ENDED = [f"SELECT pg_terminate_backend({pid});  -- app{pid}@10.0.0.{pid}" for pid in range(600)]


def test_it_shows_up_to_fifty_one_by_one() -> None:
    few = ENDED[:COMMANDS_SHOWN]
    assert commands_lines(few, "sql", "elsewhere") == fenced(few, "sql")


def test_it_gives_an_overview_of_hundreds() -> None:
    commands = tuple(Command(line=line, target={"line": line}) for line in [*ENDED, "DROP TABLE leads;"])
    told = story(replace(QUESTION, plan=replace(PLAN, commands=commands)))
    assert (
        "**601 commands**, by kind:\n\n"
        "| how many | what |\n| --- | --- |\n"
        "| 600 | `SELECT pg_terminate_backend(…); -- …@…` |\n"
        "| 1 | `DROP TABLE leads;` |\n\n"
        f"The first 10:\n\n```sql\n{ENDED[0]}\n"
    ) in told
    assert f"The last 5:\n\n```sql\n{ENDED[596]}\n" in told
    assert "DROP TABLE leads;\n```\n\nAll of them: `incident approve 00000000 --commands`." in told
    assert ENDED[300] not in told


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["UPDATE t SET a = 'it''s' WHERE b = 7", "UPDATE t SET a = '' WHERE b = 8"],
            [("UPDATE t SET a = … WHERE b = …", 2)],
        ),
        ([f"DROP INDEX CONCURRENTLY public.{name};" for name in "abcdefghijk"], [("DROP INDEX CONCURRENTLY …", 11)]),
        (
            [f"{verb} it" for verb in "abcdefghij" for _ in range(2)],
            [*((f"{verb} …", 2) for verb in "abcdefgh"), ("2 other kinds", 4)],
        ),
        ([], []),
    ],
)
def test_it_tells_kinds_apart(lines: list[str], expected: list[tuple[str, int]]) -> None:
    assert kinds(lines) == expected
    assert len(expected) <= KINDS + 1


def test_it_hides_no_single_command_of_another_kind() -> None:
    lines = [f"DROP INDEX CONCURRENTLY public.{name};" for name in "abcdefghijk"]
    assert ("DROP TABLE public.leads;", 1) in kinds([*lines, "DROP TABLE public.leads;"])


@pytest.mark.parametrize(("language", "fence"), [("sh", "```sh"), ("", "```"), ("sql\n# x", "```"), ("`", "```")])
def test_it_opens_its_fence_in_the_plans_own_language(language: str, fence: str) -> None:
    assert fenced(["lamp on a"], language) == [fence, "lamp on a", "```"]


def test_it_keeps_the_language_and_reads_what_an_older_release_recorded() -> None:
    body = dict(plan_body(replace(PLAN, language="sh")))
    assert plan_from(body).language == "sh"
    older = {name: part for name, part in body.items() if name != "language"}
    assert plan_from(older).language == "sql"
    assert plan_digest("91d7", "t", "r", older) == plan_digest("91d7", "t", "r", body)


def test_it_says_in_words_what_was_not_approved() -> None:
    command = PLAN.commands[0]
    another = replace(command, target={"pid": 7, "started": "later"})
    told = moved([another, *(Command(line=f"lamp on {n}", target={}) for n in range(6))], PLAN)
    assert told == (
        "SELECT pg_terminate_backend(7); (another one than was approved); lamp on 0; lamp on 1; lamp on 2; lamp on 3 "
        "… and 2 more"
    )
    assert "{" not in told

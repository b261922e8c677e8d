"""Is the part named that a health page calls ill, in each usual form, and none that is well?"""

from __future__ import annotations

from typing import Any

import pytest

from tasks.website.parts import ill_parts


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        # By hand, as seed S4's application answers.
        (
            {"status": "down", "database": "connection refused", "redis": "ok"},
            ["database: connection refused"],
        ),
        ({"ok": False, "db": False, "cache": True}, ["db: false"]),
        # Spring Boot's actuator.
        (
            {
                "status": "DOWN",
                "components": {
                    "db": {"status": "DOWN", "details": {"error": "timeout"}},
                    "diskSpace": {"status": "UP", "details": {"free": 10}},
                },
            },
            ["db: DOWN"],
        ),
        # The IETF's draft, application/health+json.
        (
            {
                "status": "fail",
                "checks": {
                    "postgres:responseTime": [{"status": "fail", "output": "no route"}],
                    "uptime": [{"status": "pass"}],
                },
            },
            ["postgres:responseTime: fail (no route)"],
        ),
        # Of NestJS: error and details say the same.
        (
            {"status": "error", "info": {}, "details": {"redis": {"status": "down", "message": "ETIMEDOUT"}}},
            ["redis: down (ETIMEDOUT)"],
        ),
        # What says nothing of parts, or that they are well.
        ({"status": "down"}, []),
        ({"status": "error", "message": "connection refused"}, []),
        ({"status": "down", "version": "1.2 (failed build)", "database": "up", "workers": 3}, []),
        ({"database": {"status": "ok", "latency_ms": 3}}, []),
        ("<h1>503</h1>", []),
        (None, []),
        ([{"status": "down"}], []),
    ],
)
def test_it_names_the_ill_part(body: Any, parts: list[str]) -> None:
    assert ill_parts(body) == parts


def test_it_shows_a_hostile_part_on_one_line_and_not_for_ever() -> None:
    [part] = ill_parts({"db\n\x1b[2J" + "x" * 500: "error " + "y" * 5000})
    assert len(part) < 200
    assert part.isprintable()
    assert len(ill_parts({f"part{number}": "down" for number in range(1000)})) == 8
    deep: Any = {"db": "down"}
    for _ in range(100):
        deep = {"checks": deep}
    assert ill_parts(deep) == []

"""Secrets of every kind, planted wherever text comes from; then everything that keeps text is searched for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyotp
import pytest
from psycopg import sql

from flows.case import now
from flows.journal import lines
from flows.question import Decision
from flows.reply import reply
from flows.report import report
from tests.flows.house import House
from tests.flows.room import SECRETS

# Recognised by what stands around them, or by their own shape.
PLANTED = {
    "url": ("postgresql://app:{}@db.internal:5432/app", "canaryurl8Zq1"),
    "word": ("password={}", "canaryword7Xw2"),
    "sql": ("ALTER ROLE app PASSWORD '{}'", "canarysql5Lm9"),
    "bearer": ("Authorization: Bearer {}", "canarybearer4Rt6Ab"),
    "api key": ("{}", "sk-proj-canaryapikey0123456789"),
    "github": ("{}", "ghp_canary0123456789abcdefghij01234567"),
    "jwt": ("{}", "eyJhbGciOiJjYW5hcnkifQ.eyJjYW5hcnkiOiIxIn0.canaryjwt123"),
    "configured": ("{}", SECRETS["password"]),
    "code's seed": ("{}", SECRETS["ana"]),
    "signing key": ("{}", SECRETS["eve"]),
}
LABEL = " ".join(["", *(around.format(secret) for around, secret in PLANTED.values())])


def found_in(text: str) -> list[str]:
    return [name for name, (_, secret) in PLANTED.items() if secret in text]


def tables(url: str) -> Iterator[tuple[str, str]]:
    """Every row of every table, as text."""
    with psycopg.connect(url) as session:
        names = session.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'"
        ).fetchall()
        for schema, name in names:
            rows = session.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, name)))
            yield f"{schema}.{name}", "\n".join(row[0] for row in rows)


def files(folder: Path) -> Iterator[tuple[str, str]]:
    for file in folder.rglob("*"):
        # The servers' own data files are read through the servers, above.
        if file.is_file() and "postgres" not in file.relative_to(folder).parts and file.suffix != ".sock":
            yield str(file.relative_to(folder)), file.read_text(encoding="utf-8", errors="replace")


# Whose code is given: each counts once in half a minute.
@pytest.mark.parametrize(
    ("name", "trouble"), [("ana", {"trouble": "crashes"}), ("zoe", {"trouble": "refuses", "apply": "explodes once"})]
)
def test_it_lets_no_secret_into_anything_that_is_kept(house: House, name: str, trouble: dict[str, str]) -> None:
    house.open(environment="guarded", label=LABEL, **trouble)
    question = house.question()
    reply(question, Decision.APPROVE, name, "because", pyotp.TOTP(SECRETS[name]).at(now()))
    assert house.end() == "fixed"

    with house.journal.record() as record:
        kept = {
            "export": "\n".join(lines(record)),
            "report": report(house.entries),
            **dict(tables(house.database_url("incident"))),
            **dict(tables(house.database_url("prefect"))),
            **dict(files(house.stack.home.root)),
        }
    assert any("The lamp is off." in text for text in kept.values())
    assert {place: told for place, text in kept.items() if (told := found_in(text))} == {}

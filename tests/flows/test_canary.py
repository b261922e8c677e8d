"""Secrets of every kind, planted wherever text comes from; then everything that keeps, shows or sends text is searched.

Not hidden: what a person types into Prefect's own forms, the one-time code among it. A code that counted is worthless
afterwards, a signature is bound to its answer; the seeds and keys behind them are in the process environment only.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pyotp
import pytest
from psycopg import sql

from flows.case.question import Decision
from flows.gate.reply import reply
from flows.journal import lines
from flows.run.clock import now
from flows.told.report import report
from tests.deployments.processes import wait_until
from tests.deployments.terminal import Shell, terminal
from tests.flows.house import House
from tests.flows.mailbox import Mailbox, mailbox
from tests.flows.room import SECRETS, SLUG

pytestmark = pytest.mark.strict("Searches all that a whole stack keeps; what is masked where is in test_redact.")

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
    "route's password": ("{}", "canaryroute3Kp8"),
    "person's address": ("{}", "canary.person@example.com"),
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


@pytest.fixture(scope="module", autouse=True)
def discreet(house: House) -> Iterator[Mailbox]:
    """The guarded room tells people by mail, and masks addresses."""
    with mailbox() as box:
        config = Path(os.environ["INCIDENT_CONFIG"])
        place = "[environments.guarded]\n"
        route = box.url("someone@example.org", password=PLANTED["route's password"][1])
        routes = f'\n[environments.guarded.routes]\non-call = ["{route}"]\n'
        config.write_text(config.read_text().replace(place, f"{place}mask_emails = true\n") + routes)
        yield box


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
    assert secrets_in(kept) == {}


def secrets_in(places: dict[str, str]) -> dict[str, list[str]]:
    return {place: told for place, text in places.items() if (told := found_in(text))}


def test_it_lets_no_secret_out_to_people(house: House, discreet: Mailbox) -> None:
    """On screens, in mails, in the list of processes."""
    shell = Shell(house.stack.home.root, house.lamp.parent)
    discreet.got.clear()
    house.open(environment="guarded", label=LABEL, trouble="refuses", hold="before switching on")
    short = house.question().incident[:8]
    wait_until(lambda: short in discreet.text, "the on-call person is told", 60)
    told = {"mail": discreet.text}

    with terminal(shell, "run", SLUG, "--environment", "guarded", "--plan-only") as planned:
        planned.ended()
    told["plan"] = planned.screen
    told["plan as JSON"] = shown(shell("run", SLUG, "--environment", "guarded", "--plan-only", "--json"))
    told["question"] = shown(shell("approve", short))
    key = {"INCIDENT_APPROVER_KEY": SECRETS["eve"]}
    told["answer"] = shown(shell("approve", short, "--decision", "approve", "--name", "eve", **key))
    house.wait_for_lamp("at before switching on")
    ours = psutil.Process(house.stack.supervisor.pid)
    told["processes"] = "\n".join(" ".join(one.cmdline()) for one in (ours, *ours.children(recursive=True)))
    told["note"] = shown(shell("note", short, LABEL))
    house.set(hold="")
    assert house.end() == "fixed"
    told["timeline"] = shown(shell("timeline", short))
    told["post-mortem"] = shown(shell("timeline", short, "--post-mortem"))

    for place in set(told) - {"note", "answer", "processes"}:
        assert "lamp" in told[place], place
    assert "deployments.forkserver" in told["processes"]
    assert "••••" in told["mail"]
    assert secrets_in(told) == {}


def shown(ended: subprocess.CompletedProcess[str]) -> str:
    return f"{ended.stdout}{ended.stderr}"

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.catalog import Catalog
from tests.runbooks.team import Folder

# slug, title, problem, keywords, symptom, the one step
TOLD = [
    ("database/locks", "Sessions wait for a lock", "Requests hang behind one session.", ("lock", "deadlock", "hang"),
     "Symptom(alert='PostgresLocksHeld')", "End the session"),
    ("database/sluggish", "Queries are slow", "One query eats the machine.", ("slow", "index", "latency"),
     "Symptom(heard='Every page takes seconds.')", "Look for a lock first"),
    ("database/connections", "Connections run out", "New sessions are refused.", ("pool", "too many clients"),
     "Symptom(heard='FATAL: sorry, too many clients already')", "Raise the pool's size"),
    ("database/disk-full", "The disk is full", "Writes fail.", ("disk", "space", "wal"),
     "Symptom(heard='No space left on device while it builds an index.')", "Drop old WAL archives"),
    ("email/bounces", "Mail bounces", "Providers refuse our mail.", ("bounce", "spf", "reputation"),
     "Symptom(alert='BounceRateHigh')", "Pause the newsletter"),
    ("email/inbox-disconnected", "An inbox is disconnected", "Replies are not read.", ("imap", "oauth", "token"),
     "Symptom(heard='Customers say nobody answers.')", "Connect the inbox again"),
    ("email/spam", "Mail lands in spam", "Providers sort us out.", ("spam", "dkim", "dmarc"),
     "Symptom(heard='Nobody opens the newsletter.')", "Publish the DKIM key again"),
    ("workflows/stuck", "A workflow is stuck", "Executions wait for ever.", ("n8n", "queue", "worker"),
     "Symptom(alert='WorkflowStuck')", "Restart the worker"),
    ("workflows/webhook-silent", "A webhook is silent", "No event arrives.", ("webhook", "n8n", "signature"),
     "Symptom(heard='Leads do not show up.')", "Register the webhook again"),
    ("security/key-leaked", "A key leaked", "Somebody has our key.", ("secret", "token", "rotate"),
     "Symptom(heard='A mail from the scanner.')", "Rotate the key"),
    ("monitoring/certificate", "A certificate runs out", "Browsers will refuse us.", ("tls", "ssl", "expiry"),
     "Symptom(alert='CertificateExpires')", "Renew the certificate"),
    ("onboarding/münchen", "Café sign-up fails", "Übermäßig viele Anmeldungen schlagen fehl.", ("signup", "naïve"),
     "Symptom(heard='Ich komme nicht rein.')", "Call the café"),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = Folder(Path(tmp_path_factory.mktemp("team")))
    for slug, title, problem, keywords, symptom, step in TOLD:
        folder.runbook(slug, title, problem=problem, keywords=keywords, symptom=symptom, step=step)
    own = {slug for slug, *_ in TOLD}
    return Catalog(tuple(e for e in Catalog.load(folder.team) if e.slug in own))


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("lock", "database/locks"),
        ("locks", "database/locks"),
        ("locked sessions", "database/locks"),
        ("hanging", "database/locks"),
        ("PostgresLocksHeld", "database/locks"),
        ("slow", "database/sluggish"),
        ("too many clients", "database/connections"),
        ("FATAL: sorry, too many clients already", "database/connections"),
        ("no space left on device", "database/disk-full"),
        ("newsletter spam", "email/spam"),
        ("nobody answers customers", "email/inbox-disconnected"),
        ("webhook n8n", "workflows/webhook-silent"),
        ("database disk", "database/disk-full"),
        ("cafe munchen", "onboarding/münchen"),
        ("CAFÉ", "onboarding/münchen"),
        ("certif", "monitoring/certificate"),
    ],
)
def test_it_puts_the_right_runbook_first(told: Catalog, words: str, first: str) -> None:
    assert [hit.slug for hit in told.search(words)][:1] == [first]


@pytest.mark.parametrize(
    ("typo", "first"),
    [
        ("dedlock", "database/locks"),
        ("lokc", "database/locks"),
        ("conections", "database/connections"),
        ("certifcate", "monitoring/certificate"),
        ("webhok silnet", "workflows/webhook-silent"),
        ("bonuce", "email/bounces"),
        ("databse disk", "database/disk-full"),
        ("newslettr spam", "email/spam"),
    ],
)
def test_it_forgives_typos(told: Catalog, typo: str, first: str) -> None:
    assert [hit.slug for hit in told.search(typo)][:1] == [first]


def test_it_forgives_a_letter_left_out_of_a_short_word() -> None:
    ours = Catalog.load()
    assert ours.search("lok")[0].slug == "database/blocked-sessions"
    assert {hit.slug for hit in ours.search("lok")} <= {hit.slug for hit in ours.search("lock")}


@pytest.mark.parametrize("word", ["sql", "tsl", "ok"])
def test_it_does_not_guess_at_a_short_word(told: Catalog, word: str) -> None:
    """Of three letters one wrong makes another word: `ssl` and `tls` are keywords here."""
    assert told.search(word) == ()


def test_it_weighs_a_keyword_more_than_a_step(told: Catalog) -> None:
    """`lock` is a keyword of the one and only mentioned in a step of the other."""
    hits = told.search("lock")
    assert [hit.slug for hit in hits] == ["database/locks", "database/sluggish"]
    assert hits[0].score > hits[1].score > 0


def test_it_weighs_a_keyword_more_than_a_symptom(told: Catalog) -> None:
    assert [hit.slug for hit in told.search("index")] == ["database/sluggish", "database/disk-full"]


def test_it_weighs_a_symptom_more_than_a_step(told: Catalog) -> None:
    assert [hit.slug for hit in told.search("newsletter")] == ["email/spam", "email/bounces"]


def test_it_does_not_guess_when_the_word_is_known(told: Catalog) -> None:
    """`slow` stands two letters from `lock`, and must not bring it in."""
    assert "database/locks" not in [hit.slug for hit in told.search("slow")]


@pytest.mark.parametrize("words", ["the lamp and the device", "is it on", "a newletter printer on fire"])
def test_it_finds_nothing_where_hardly_a_word_is_shared(told: Catalog, words: str) -> None:
    """`device` and `newsletter` stand on a page, one of them in passing and the other spelt wrong."""
    assert told.search(words) == ()


@pytest.mark.parametrize("words", ["ssh", "xyzzy", "kubernetes"])
def test_it_finds_nothing_rather_than_anything(told: Catalog, words: str) -> None:
    assert told.search(words) == ()


def test_it_shows_the_place_that_fits(told: Catalog) -> None:
    assert told.search("space left device")[0].snippet == "No space left on device while it builds an index."


def test_it_shows_the_problem_rather_than_the_title_again(told: Catalog) -> None:
    hit = told.search("leaked")[0]
    assert (hit.title, hit.snippet) == ("A key leaked", "Somebody has our key.")


def test_it_gives_no_more_than_asked(told: Catalog) -> None:
    assert len(told.search("mail nobody key n8n", limit=2)) == 2


@pytest.mark.parametrize(
    "words",
    ["", "   ", '"', '""', "'; DROP TABLE page; --", "lock AND", "NEAR(", "title: lock", "lock*", "-lock", "^lock",
     "(lock", "{lock}", "_", "①", "\x00", "\ud800", "lo\x00ck", "🔥", "ª", "x" * 10_000, "lock " * 2_000],
)  # fmt: skip
def test_it_survives_whatever_is_typed(told: Catalog, words: str) -> None:
    found = [hit.slug for hit in told.search(words)]
    assert ("database/locks" in found) == ("lock" in words.lower())


@given(st.text())
def test_it_survives_any_text(told: Catalog, words: str) -> None:
    told.search(words)


def test_it_answers_a_pasted_log_at_once(told: Catalog) -> None:
    log = " ".join(f"word{n} ERROR lock_timeout" for n in range(3_000))
    begun = time.process_time()
    assert told.search(log)[0].slug == "database/locks"
    assert time.process_time() - begun < 0.5


def test_it_finds_planned_work_too(folder: Folder) -> None:
    folder.playbook("shop/move")
    folder.maintenance("shop/care")
    loaded = Catalog.load(folder.team)
    assert [(hit.slug, hit.kind) for hit in loaded.search("the lease ends", limit=1)] == [("shop/move", "playbook")]
    assert [(hit.slug, hit.kind) for hit in loaded.search("squeaking hinge", limit=1)] == [("shop/care", "maintenance")]


def test_an_alerts_name_is_read_by_its_parts() -> None:
    """Nobody claims it, and whoever is on call is shown the nearest pages."""
    [first, *_] = Catalog.load().search("PostgresLocksWaitForLong")
    assert first.slug == "database/blocked-sessions"

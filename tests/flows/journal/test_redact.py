from __future__ import annotations

import json
import re
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes, SecretStr

from flows.journal import Redactor
from flows.journal.redact import _HINT, _PATTERNS, MASK

REDACT = Redactor([])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("postgresql://me:hunter2@db:5432/app is down", "postgresql://me:••••@db:5432/app is down"),
        ("redis://:hunter2@cache:6379/0", "redis://:••••@cache:6379/0"),
        ("amqps://a:b:c@d@host/x", "amqps://a:••••@host/x"),
        ("postgres://me:p#w?x@db/app", "postgres://me:••••@db/app"),
        ('dsn="mysql://u:hunter2@h" next', 'dsn="mysql://u:••••@h" next'),
        ("host=db password=hunter2 user=me", "host=db password=•••• user=me"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=•••• psql"),
        ("db_password: 'two words', next", "db_password: ••••, next"),
        ('{"password": "hunter2", "user": "me"}', '{"password": ••••, "user": "me"}'),
        (r"{\"password\": \"hunter2\", \"user\": 1}", r"{\"password\": ••••, \"user\": 1}"),
        ("ALTER ROLE me PASSWORD 'hunter2'", "ALTER ROLE me PASSWORD '••••'"),
        ('password="unclosed', "password=••••"),
        ("?api_key=abc123&page=2", "?api_key=••••&page=2"),
        ("client-secret = abc", "client-secret = ••••"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ••••"),
        ("authorization: Basic dXNlcjpwdw==, accept: x", "authorization: Basic ••••, accept: x"),
        ('{"Authorization": "Bearer abcdefgh"}', '{"Authorization": "Bearer ••••"}'),
        ("sent Bearer abcdefgh1234 to", "sent Bearer •••• to"),
        ("key sk-proj-abcdefghij0123456789 ok", "key •••• ok"),
        ("sk_live_abcdefghij0123456789", MASK),
        ("ghp_abcdefghij0123456789abcdefghij012345", MASK),
        ("github_pat_11ABCDEFG0abcdefghij_klm", MASK),
        ("glpat-abcdefghij0123456789", MASK),
        ("xoxb-123456789012-abcdefghij", MASK),
        ("(AKIAIOSFODNN7EXAMPLE)", "(••••)"),
        ("SG.abcdefghij0123456789.abcdefghij0123456789", MASK),
        ("key-0123456789abcdef0123456789abcdef", MASK),
        ("re_abcdefgh_abcdefghij0123456789", MASK),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3", MASK),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENC\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", "••••\nrest"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", MASK),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----", MASK),
    ],
)
def test_it_takes_out_what_looks_like_a_secret(text: str, said: str) -> None:
    assert REDACT.text(text) == said
    assert REDACT.text(said) == said


@pytest.mark.parametrize(
    "text",
    [
        "3 sessions wait for a lock, the longest 42 s (bad from 30 s); pid 4711 (app) holds it.",
        'password authentication failed for user "app"',
        "Set a password, then try again.",
        "http://127.0.0.1:4200/runs/flow-run/0a1b?tab=Logs&mail=a@b.c",
        "git@github.com:team/repo and anna@example.com",
        "disk-usage-something-rather-long-name",
        "task-abcdefghijklmnopqrstuvwxyz",
        "risk_live_abcdefghijk",
        "SELECT pg_terminate_backend(4711)  -- started 2026-11-21T02:00:00Z",
        "the bearer of bad news",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "963e2beee4bbfbceccefaf907e4c6f973f91deaa7c974c9844f595749512c795",
        "",
    ],
)
def test_it_leaves_ordinary_words_alone(text: str) -> None:
    assert REDACT.text(text) == text


def test_it_takes_out_configured_values_in_every_form() -> None:
    secret = 'pä/ss "wörd"+1'
    redact = Redactor([SecretStr(secret), "short", "longer-one", "longer-one-still"])
    for form in (secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]):
        assert redact.text(f"<{form}>") == "<••••>"
    assert redact.text("longer-one-still longer-one short") == "•••• •••• short"


def test_it_takes_out_the_password_of_a_configured_url() -> None:
    redact = Redactor(
        ["postgresql://me:hun%2Fter22@db:5432/app?sslpassword=keyfile-pw", "https://chat/hooks/T0/B0/xyz"]
    )
    assert redact.text("hun%2Fter22 hun/ter22 keyfile-pw") == "•••• •••• ••••"
    assert redact.text("database app on db:5432 as me") == "database app on db:5432 as me"
    assert redact.text("posted to https://chat/hooks/T0/B0/xyz") == "posted to ••••"


def test_it_takes_secrets_out_of_names_values_and_types() -> None:
    redact = Redactor(["hunter22"])
    body = {
        "typed": SecretStr("x"),
        "bytes": SecretBytes(b"x"),
        "rows": ({"hunter22": 1, "says": "hunter22!"}, [SecretStr("y")]),
        "smtp_password": "abc",
        "apiKey": "abc",
        "token": "",
        "passwords_checked": 3,
    }
    assert redact.body(body) == {
        "typed": MASK,
        "bytes": MASK,
        "rows": [{MASK: 1, "says": "••••!"}, [MASK]],
        "smtp_password": MASK,
        "apiKey": MASK,
        "token": "",
        "passwords_checked": 3,
    }


def test_it_loses_no_value_when_two_names_become_one() -> None:
    redact = Redactor(["hunter22", "hunter23"])
    assert redact.body({"hunter22": 1, "hunter23": 2, "•••• (2)": 3}) == {MASK: 1, "•••• (2)": 2, "•••• (2) (2)": 3}


# What the patterns begin, go on and end with: fragments that meet by chance must not become a new secret.
PIECES = (
    *(
        "password",
        "token",
        "secret",
        "bearer",
        "Bearer",
        "authorization:",
        "PRIVATE KEY-----",
        "-----BEGIN ",
        "-----END ",
    ),
    *(
        "=",
        ":",
        "'",
        '"',
        "\\",
        '\\"',
        "://",
        "me:pw",
        "@",
        "host",
        "/",
        "?",
        ".",
        "_",
        "-",
        "&",
        ";",
        ",",
        " ",
        "\n",
        MASK,
    ),
    *(
        "sk-",
        "sk-abcdefghijklmnopqrst",
        "eyJ",
        "ghp_",
        "AKIA",
        "ABCDEFGHIJKLMNOP",
        "key-",
        "0123456789abcdef",
        "SG.",
        "re_",
    ),
)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join))
def test_no_pattern_fits_a_text_that_has_no_hint_of_it(text: str) -> None:
    assert _HINT.search(text) or not any(pattern.search(text) for pattern, _ in _PATTERNS)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join))
def test_it_finds_nothing_more_the_second_time(text: str) -> None:
    """A plan is redacted when it is shown and again when it is recorded; both must be the same plan."""
    redact = Redactor(["host/a", "pw@host"])
    once = redact.text(text)
    assert redact.text(once) == once


MEGABYTE = 1_000_000
BESIDE_PIECES = (
    *(
        "a",
        "://a",
        "://a:",
        "://a:b",
        "a://a:@ ",
        "password=",
        'password="',
        "password='",
        "password = ",
        'password=\\"',
    ),
    *("token:", "bearer ", "authorization: ", "authorization: bearer ", "eyJ.", "eyJa.a", "-eyJ", "sk_live_", "xoxb-"),
    *(
        "SG.aaaaaaaaaaaaaaaa",
        "re_aaaaaa_",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN A PRIVATE KEY-----a-",
        "\ud800",
        "é",
    ),
)


@pytest.mark.strict("Megabytes of each text; a pattern that looks back and forth is mostly seen by the first.", keeps=3)
@pytest.mark.parametrize("piece", [*PIECES, *BESIDE_PIECES])
def test_it_takes_no_longer_over_hostile_text(piece: str) -> None:
    """A megabyte takes a tenth of a second; one pattern that looks back and forth would need hours."""
    text = (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]
    for hostile in (text, f"password='{text}", f'://a:{text}@"', f"-----BEGIN PRIVATE KEY-----{text}"):
        started = time.process_time()
        Redactor(["configured-secret"]).text(hostile)
        assert time.process_time() - started < 5


KEY = SecretStr("the journal's own URL")


def test_it_masks_addresses_where_that_is_asked_for() -> None:
    redact = Redactor([], emails=KEY)
    once = redact.text("From Ana.Smith+x@mail.example.com to b@example.com, cc é@exämple.de; @here, a@b, 3 @ 4.50")
    assert re.fullmatch(
        r"From A••••[0-9a-f]{4}@mail\.example\.com to b••••[0-9a-f]{4}@example\.com, cc é••••[0-9a-f]{4}@exämple\.de; "
        r"@here, a@b, 3 @ 4\.50",
        once,
    )
    assert redact.text(once) == once
    assert Redactor([]).text("b@example.com") == "b@example.com"


def test_it_tells_masked_addresses_apart() -> None:
    """What was approved for one must not pass for the other; and who has the record must not be able to guess."""
    redact = Redactor([], emails=KEY)
    assert redact.text("anna@example.com") != redact.text("arno@example.com")
    assert redact.text("anna@example.com").casefold() == redact.text("ANNA@example.com").casefold()
    assert redact.text("anna@example.com") != Redactor([], emails=SecretStr("another")).text("anna@example.com")


@pytest.mark.strict("Megabytes of each text; a pattern that looks back and forth is mostly seen by the first.", keeps=1)
@pytest.mark.parametrize("piece", ["a@", "a@b", "a@b.", ".@a", "a.", "%a", "a@a.a ", "•a@a.a"])
def test_it_takes_no_longer_over_what_is_nearly_an_address(piece: str) -> None:
    text = (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]
    started = time.process_time()
    Redactor([], emails=KEY).text(text)
    assert time.process_time() - started < 5

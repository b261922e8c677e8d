"""What each form of line means: the level decides where it stands, and a word somewhere in the text does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tasks.logs.line import Level, read
from tasks.logs.moments import moment, moment_of
from tasks.logs.patterns import login_refused, mail_outcome, took_s
from tasks.logs.template import template

AT = 1795946400.0  # 2026-11-29 10:00:00 UTC

ERRORS = [
    '{"level":50,"time":1795946400000,"msg":"boom"}',  # pino
    '{"level":60,"time":1795946400000,"msg":"boom"}',
    '{"level":"error","message":"boom","timestamp":"2026-11-29T10:00:00.000Z"}',  # winston
    '{"severity":"CRITICAL","message":"boom","time":"2026-11-29T10:00:00Z"}',
    '{"log":{"level":"error"},"message":"boom","@timestamp":"2026-11-29T10:00:00Z"}',  # ECS
    '{"version":"1.1","short_message":"boom","level":3,"timestamp":1795946400}',  # GELF: syslog's numbers
    '{"log":"2026-11-29T10:00:00Z ERROR boom\\n","stream":"stderr","time":"2026-11-29T10:00:00Z"}',  # Docker's file
    '{"status":"502","time":"2026-11-29T10:00:00Z","path":"/a"}',  # nginx in JSON
    'ts=2026-11-29T10:00:00Z level=error msg="disk full"',
    'time="2026-11-29T10:00:00Z" level=fatal msg="boom"',
    "2026-11-29 10:00:00,123 ERROR app.db: connection lost",  # Python
    "2026-11-29 10:00:00,123 - app.db - CRITICAL - connection lost",
    "2026-11-29 10:00:00.123 UTC [77] app@crm FATAL:  too many clients already",  # Postgres
    "2026-11-29 10:00:00.123 ERROR 1 --- [main] o.s.App : boom",  # Spring
    "[2026-11-29T10:00:00.123Z] [ERROR] [api] boom",
    "2026-11-29T10:00:00Z error: boom",
    "2026/11/29 10:00:00 [error] 123#0: *45 connect() failed (111: Connection refused)",  # nginx
    "[Sun Nov 29 10:00:00.123456 2026] [proxy:error] [pid 12] AH01114: failed",  # Apache
    '192.0.2.1 - - [29/Nov/2026:10:00:00 +0000] "GET /a?b=c HTTP/1.1" 502 12 "-" "curl"',
    "Nov 29 10:00:00 web app[123]: ERROR boom",
    "ERROR:root:boom",
    "Traceback (most recent call last):",
    "TypeError: x is not a function",
    "panic: runtime error: index out of range",
    'Exception in thread "main" java.lang.NullPointerException',
]
NONE = [
    '{"level":30,"time":1795946400000,"msg":"errors: 0"}',
    '{"level":40,"msg":"retrying after error"}',
    '{"level":"info","error":null,"msg":"No errors found"}',
    '{"msg":"level error"}',
    'level=info msg="errors: 0, level=error was fixed"',
    "errors: 0",
    "ERROR: 0",
    "TOTAL ERROR: 0 WARN: 2",
    "No errors found",
    "INFO:root:No ERROR found",
    "2026-11-29 10:00:00,123 INFO app: ERROR page registered",
    "2026-11-29 10:00:00,123 WARNING app: will raise an Exception later",
    "2026-11-29 10:00:00.123 UTC [77] LOG:  statement: SELECT 'ERROR'",
    "2026-11-29 10:00:00 nightly job: 0 ERROR lines",
    "Nov 29 10:00:00 web app[123]: all fine, no ERROR seen",
    "2026-11-29 10:00:00 Error handling initialised",
    '192.0.2.1 - - [29/Nov/2026:10:00:00 +0000] "GET /errors/500 HTTP/1.1" 200 500 "-" "curl"',
    '192.0.2.1 - - [29/Nov/2026:10:00:00 +0000] "GET /missing HTTP/1.1" 404 12 "-" "curl"',
    "debounce(fn, 500) error-free",
    "",
    "{",
    "{}",
    "[1, 2]",
]


@pytest.mark.parametrize("line", ERRORS)
def test_it_is_an_error(line: str) -> None:
    assert read(line.encode()).is_error


@pytest.mark.parametrize("line", NONE)
def test_it_is_none(line: str) -> None:
    assert not read(line.encode()).is_error


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def settle(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield settle
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("line", [line for line in ERRORS if "10:00:00" in line or "17959464" in line])
def test_it_knows_when(line: str, in_zone: Callable[[str], None]) -> None:
    in_zone("UTC")
    assert read(line.encode()).at_s == pytest.approx(AT, abs=0.2)


def test_a_time_without_a_zone_is_this_machines(in_zone: Callable[[str], None]) -> None:
    in_zone("Europe/Berlin")
    told = moment("2026-11-29 11:00:00,000 INFO")
    assert told is not None
    assert told[0] == AT


def test_december_is_last_years_in_january(monkeypatch: pytest.MonkeyPatch) -> None:
    now = AT + 40 * 86_400
    monkeypatch.setattr("tasks.logs.moments.time.time", lambda: now)
    monkeypatch.setattr("tasks.logs.moments.time.localtime", lambda: time.gmtime(now))
    told = moment("Dec 31 23:59:59 web app: x")
    assert told is not None
    assert now - 20 * 86_400 < told[0] < now


@pytest.mark.parametrize(
    ("value", "at_s"),
    [(AT, AT), (AT * 1e3, AT), (AT * 1e6, AT), (AT * 1e9, AT), (str(AT), AT), (20261129, None), (True, None),
     ("", None), ("2026-02-31T10:00:00Z", None), (float("inf"), None), ({}, None)],
)  # fmt: skip
def test_a_number_is_a_time_where_it_can_be_one(value: object, at_s: float | None) -> None:
    assert moment_of(value) == (None if at_s is None else pytest.approx(at_s, abs=1))


def test_it_knows_how_bad() -> None:
    assert read(b'{"level":"warn","msg":"x"}').level is Level.WARN
    assert read(b'{"level":35,"msg":"x"}').level is Level.INFO
    assert read(b'{"level":"\\u0130nfo"}').level is None


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00\x1b[2J" * 50,
        b"{" * 60_000,
        b'{"level":50,"msg":"' + b"x" * 70_000,
        b"(" * 60_000,
        b"a=" * 30_000,
        b'a="' * 20_000,
        b"2026-11-29 10:00:00 " + b"[" * 60_000,
        b"2026-11-29 10:00:00 " + b"a " * 30_000 + b"ERROR",
        b"aaaa.bbbb:" * 6000 + b", ERROR",
        b"Error" * 12_000,
        b"from " * 12_000 + b"login failed",
        b"@" * 60_000,
        b"a-" * 30_000 + b"@x bounced",
        b"9" * 60_000,
        ("\u202e\u0000" * 5000).encode(),
    ],
)
def test_hostile_lines_cost_no_more_than_their_length(line: bytes) -> None:
    begun = time.process_time()
    told = read(line)
    login_refused(told), mail_outcome(told), took_s(told, {}), template(told.text)
    # With the square of it, each would take minutes.
    assert time.process_time() - begun < 2
    assert template(told.text).isprintable()


def test_a_line_that_was_cut_still_has_its_level() -> None:
    assert read(b'{"level":50,"time":1795946400000,"pid":1,"msg":"' + b"x" * 70_000).is_error
    assert not read(b'{"level":30,"time":1795946400000,"msg":"\\"level\\":50' + b"x" * 70_000).is_error


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("user 123 not found in 4.5ms", "user <n> not found in <n>ms"),
        ("order 550e8400-e29b-41d4-a716-446655440000 of a.b@c.com", "order <id> of <mail>"),
        ("refused by 192.0.2.1:80 at 2026-11-29T10:00:00Z", "refused by <address> at <time>"),
        ("job deadbeef12 at 0xff10, req_9f8a7b6c5d4e3f2a", "job <id> at <id>, <id>"),
        ("duplicate key value violates unique constraint", "duplicate key value violates unique constraint"),
        ("the facade is defaced", "the facade is defaced"),
    ],
)
def test_what_differs_only_in_numbers_is_the_same(text: str, same: str) -> None:
    assert template(text) == same


@pytest.mark.parametrize(
    ("line", "address"),
    [
        # 4-26: the pattern of S4 misses it.
        ('{"level":40,"msg":"Login failed","ip":"192.0.2.7"}', "192.0.2.7"),
        ("Nov 29 10:00:00 web sshd[9]: Failed password for invalid user a from 192.0.2.7 port 22 ssh2", "192.0.2.7"),
        ("Nov 29 10:00:00 web sshd[9]: Invalid user admin from 2001:db8::7 port 22", "2001:db8::/64"),
        ('2026-11-29 10:00:00 UTC [7] FATAL:  password authentication failed for user "app"', "unknown"),
        ('level=warn msg="invalid credentials" remote_addr=192.0.2.7', "192.0.2.7"),
        ('{"level":30,"event":"login_failed","req":{"remoteAddress":"192.0.2.7"}}', "192.0.2.7"),
        ('192.0.2.7 - - [29/Nov/2026:10:00:00 +0000] "POST /api/login HTTP/1.1" 401 12 "-" "x"', "192.0.2.7"),
        ("2026-11-29 10:00:00 INFO report: 0 failed logins", None),
        ("2026-11-29 10:00:00 INFO report: failed logins: 0", None),
        ("2026-11-29 10:00:00 INFO login page rendered", None),
        ("2026-11-29 10:00:00 INFO Login succeeded after password change from 192.0.2.7", None),
        ('192.0.2.7 - - [29/Nov/2026:10:00:00 +0000] "GET /report HTTP/1.1" 403 12 "-" "x"', None),
        ('192.0.2.7 - - [29/Nov/2026:10:00:00 +0000] "GET /login HTTP/1.1" 200 401 "-" "x"', None),
    ],
)
def test_it_knows_a_failed_login(line: str, address: str | None) -> None:
    assert login_refused(read(line.encode())) == address


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("Nov 29 10:00:00 m postfix/smtp[1]: A1: to=<a@b.com>, relay=x, dsn=5.1.1, status=bounced (no)", "bounced"),
        ("Nov 29 10:00:00 m postfix/smtp[1]: A1: to=<a@b.com>, dsn=4.4.1, status=deferred (timed out)", "deferred"),
        ("Nov 29 10:00:00 m postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 554 5.7.1", "rejected"),
        ("2026-11-29 10:00:00 1abcde-0001Fx-AB ** a@b.com R=dns T=smtp: 550 no such user", "bounced"),
        ("2026-11-29 10:00:00 1abcde-0001Fx-AB == a@b.com R=dns T=smtp defer (-53)", "deferred"),
        ('{"level":30,"event":"hard_bounce","email":"a@b.com"}', "bounced"),
        ('{"level":30,"type":"email.complained","data":{}}', "complained"),
        ('{"level":40,"msg":"mail to a@b.com bounced: 550 5.1.1 unknown user"}', "bounced"),
        # 4-26: the mail pattern of S4 hits "debounce".
        ("2026-11-29 10:00:00 INFO debounce(fn) for a@b.com", None),
        ("2026-11-29 10:00:00 INFO the index bounced back", None),
        ("Nov 29 10:00:00 m postfix/smtp[1]: A1: to=<a@b.com>, dsn=2.0.0, status=sent (ok)", None),
        ('{"level":30,"event":"delivered","msg":"bounce rate 0.4%"}', None),
        # 4-27: "0 failed, 120 sent" matched "failed".
        ("2026-11-29 10:00:00 INFO batch: 0 failed, 120 sent", None),
    ],
)
def test_it_knows_what_became_of_a_mail(line: str, outcome: str | None) -> None:
    assert mail_outcome(read(line.encode())) == outcome


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ('{"level":30,"msg":"request completed","responseTime":1234}', 1.234),
        ('{"level":30,"duration_ms":"87.5"}', 0.0875),
        ('{"level":30,"request_time":"0.250","status":"200"}', 0.25),
        ('{"level":30,"timing":{"elapsed_us":1500}}', 0.0015),
        ("level=info msg=done duration=1.5s", 1.5),
        ("level=info msg=done latency=350ms", 0.35),
        ("2026-11-29 10:00:00.123 UTC [1] LOG:  duration: 1234.567 ms  statement: SELECT 1", 1.234567),
        ('{"level":30,"own":7}', 7e-9),
        # 4-26: the performance pattern of S4 hits these two.
        ('{"level":30,"msg":"GET /slowest-campaigns"}', None),
        ('{"level":30,"msg":"slow as ever, timeout 5000ms"}', None),
        ('{"level":30,"duration":12}', None),  # of what?
        ('{"level":30,"responseTime":true}', None),
        ('{"level":30,"responseTime":-1}', None),
    ],
)
def test_it_knows_how_long_it_took(line: str, seconds: float | None) -> None:
    told = took_s(read(line.encode()), {"own": "ns"})
    assert told == (None if seconds is None else pytest.approx(seconds))

"""What a line tells of a request: lines that the named programs wrote when they were run, with fewer headers."""

from __future__ import annotations

import json

import pytest

from tasks.logs.line import read
from tasks.requests.endpoint import endpoint
from tasks.requests.request import Request, Requests

PINO = '{"level":30,"time":1795986703566,"pid":14535,"hostname":"vm",'
LINES = {
    "nginx 1.22 combined": (
        '127.0.0.1 - - [29/Nov/2026:21:12:24 +0000] "GET /boom HTTP/1.1" 500 177 "-" "curl/7.88.1"',
        ("GET", "/boom", 500, None),
    ),
    "nginx 1.22 combined with $request_time at the end": (
        '127.0.0.1 - - [29/Nov/2026:21:12:24 +0000] "GET /a HTTP/1.1" 200 177 "-" "curl/7.88.1" 0.125',
        ("GET", "/a", 200, 0.125),
    ),
    "nginx 1.22 with rt=": (
        '127.0.0.1 - - [29/Nov/2026:21:12:24 +0000] "GET /a HTTP/1.1" 200 2 "-" "curl" rt=0.250 uct="-" urt="-"',
        ("GET", "/a", 200, 0.25),
    ),
    "a browser that calls itself rt=9999": (
        '127.0.0.1 - - [29/Nov/2026:21:12:24 +0000] "GET /a HTTP/1.1" 200 2 "rt=9999" "x rt=9999 9.999"',
        ("GET", "/a", 200, None),
    ),
    "nginx 1.22 as JSON": (
        '{"time":"2026-11-29T21:12:24+00:00","request_method":"GET","request_uri":"/api/users/42?x=1","status":"200",'
        '"request_time":"0.003"}',
        ("GET", "/api/users/42?x=1", 200, 0.003),
    ),
    "Caddy 2.6.2": (
        '{"level":"error","ts":1795986733.1509607,"logger":"http.log.access.log0","msg":"handled request","request":'
        '{"remote_ip":"127.0.0.1","remote_port":"58956","proto":"HTTP/1.1","method":"GET","host":"127.0.0.1:4206",'
        '"uri":"/boom","headers":{"Accept":["*/*"]}},"user_id":"","duration":0.25,"size":0,"status":500,'
        '"resp_headers":{"Server":["Caddy"]}}',
        ("GET", "/boom", 500, 0.25),
    ),
    "pino-http 11.0.0, which calls a failure information": (
        PINO
        + '"req":{"id":2,"method":"GET","url":"/boom","query":{},"params":{},"headers":{"host":"x"},"remoteAddress":'
        '"127.0.0.1","remotePort":48324},"res":{"statusCode":500,"headers":{"content-length":"1"}},"err":{"type":"Error",'
        '"message":"failed with status code 500","stack":"…"},"responseTime":11,"msg":"request errored"}',
        ("GET", "/boom", 500, 0.011),
    ),
    "hapi-pino 13.0.0": (
        PINO + '"req":{"id":"1:vm","method":"post","url":"/nope","query":{}},"res":{"statusCode":404,"headers":{}},'
        '"responseTime":2,"msg":"[response] post /nope 404 (2ms)"}',
        ("post", "/nope", 404, 0.002),
    ),
    "express-winston 4.2.0": (
        '{"level":"info","message":"HTTP GET /boom","meta":{"req":{"headers":{},"httpVersion":"1.1","method":"GET",'
        '"originalUrl":"/boom","query":{},"url":"/boom"},"res":{"statusCode":500},"responseTime":7},'
        '"timestamp":"2026-11-29T21:11:45.259Z"}',
        ("GET", "/boom", 500, 0.007),
    ),
    "morgan 1.12.1 combined": (
        '127.0.0.1 - - [29/Nov/2026:21:11:44 +0000] "POST /nope HTTP/1.1" 404 144 "-" "-"',
        ("POST", "/nope", 404, None),
    ),
    "gunicorn 27.0.1": (
        '127.0.0.1 - - [29/Nov/2026:21:11:58 +0000] "GET /boom HTTP/1.1" 500 2 "-" "curl/7.88.1"',
        ("GET", "/boom", 500, None),
    ),
    "hypercorn": (
        '[2026-11-29 21:12:02 +0000] [15175] [INFO] 127.0.0.1:42106 - - [29/Nov/2026:21:12:02 +0000] "GET /boom 1.1" '
        '500 - "-" "curl/7.88.1"',
        ("GET", "/boom", 500, None),
    ),
    "Flask's own server, in colours": (
        '127.0.0.1 - - [29/Nov/2026 21:12:06] "\x1b[33mGET /boom HTTP/1.1\x1b[0m" 404 -',
        ("GET", "/boom", 404, None),
    ),
    "uvicorn with a time": (
        '2026-11-29 21:12:06,100 INFO 127.0.0.1:46552 - "GET /boom HTTP/1.1" 500 Internal Server Error',
        ("GET", "/boom", 500, None),
    ),
}
# They tell of requests, and not when.
TIMELESS = {
    "uvicorn": (
        'INFO:     127.0.0.1:46552 - "GET /boom HTTP/1.1" 500 Internal Server Error',
        ("GET", "/boom", 500, None),
    ),
    "morgan 1.12.1 short": ("127.0.0.1 - GET /boom HTTP/1.1 500 1 - 0.500 ms", ("GET", "/boom", 500, 0.0005)),
    "morgan 1.12.1 tiny": ("GET /boom 500 1 - 0.500 ms", ("GET", "/boom", 500, 0.0005)),
    "morgan 1.12.1 dev": (
        "\x1b[0mGET /boom \x1b[31m500\x1b[0m 0.500 ms - 1\x1b[0m",
        ("GET", "/boom", 500, 0.0005),
    ),
}
# By the formats' documentation; these programs were not run.
WRITTEN = {
    "Traefik": (
        '{"DownstreamStatus":502,"Duration":1500000,"RequestMethod":"GET","RequestPath":"/a","time":"2026-11-29T21:00:00Z"}',
        ("GET", "/a", 502, 0.0015),
    ),
    "Elastic Common Schema": (
        '{"@timestamp":"2026-11-29T21:00:00Z","http":{"request":{"method":"GET"},"response":{"status_code":503}},'
        '"url":{"path":"/a"},"event":{"duration":2000000}}',
        ("GET", "/a", 503, 0.002),
    ),
    "lograge": (
        "2026-11-29T21:00:00Z method=GET path=/a format=html controller=home action=show status=200 "
        "duration=58.3 db=15.2",
        ("GET", "/a", 200, 0.0583),
    ),
    "structlog": (
        '{"event":"request","method":"GET","path":"/a","status_code":200,"duration_ms":12.5,'
        '"timestamp":"2026-11-29T21:00:00Z"}',
        ("GET", "/a", 200, 0.0125),
    ),
}


def told(*lines: str) -> list[Request]:
    requests = Requests({})
    return [one for line in lines if (one := requests.of(read(line.encode()))) is not None]


def short(one: Request) -> tuple[str, str, int, float | None]:
    return one.method, one.path, one.status, one.took_s


@pytest.mark.parametrize("name", [*LINES, *WRITTEN])
def test_it_reads_the_lines_of(name: str) -> None:
    line, expected = (LINES | WRITTEN)[name]
    (found,) = told(line)
    assert short(found) == pytest.approx(expected)
    assert found.at_s is not None
    assert not found.host


@pytest.mark.parametrize("name", TIMELESS)
def test_it_knows_that_there_is_no_time_in_the_lines_of(name: str) -> None:
    line, expected = TIMELESS[name]
    (found,) = told(line)
    assert short(found) == pytest.approx(expected)
    assert found.at_s is None


FASTIFY = [
    PINO + '"reqId":"req-1","req":{"method":"GET","url":"/users/1","host":"x"},"msg":"incoming request"}',
    PINO + '"reqId":"req-2","req":{"method":"GET","url":"/throw","host":"x"},"msg":"incoming request"}',
    '{"level":50,"time":1795986705940,"reqId":"req-2","req":{"method":"GET","url":"/throw"},"res":{"statusCode":500},'
    '"err":{"type":"Error","message":"broken"},"msg":"broken"}',
    PINO + '"reqId":"req-2","res":{"statusCode":500},"responseTime":1.5,"msg":"request completed"}',
    PINO + '"reqId":"req-1","res":{"statusCode":200},"responseTime":3.5,"msg":"request completed"}',
]


def test_it_joins_the_two_lines_of_fastify_5_and_counts_a_thrown_error_once() -> None:
    thrown, well = told(*FASTIFY)
    assert short(thrown) == ("GET", "/throw", 500, 0.0015)
    assert short(well) == ("GET", "/users/1", 200, 0.0035)


def test_it_does_not_take_the_end_of_a_request_it_saw_no_beginning_of() -> None:
    assert told(FASTIFY[3]) == []


@pytest.mark.parametrize(
    "line",
    [
        '{"level":30,"time":1795986703566,"msg":"order 500 paid","status":"500"}',
        '{"level":30,"time":1795986703566,"msg":"job done","method":"GET","path":"/a"}',
        '{"level":"info","msg":"checked","method":"dns","status":"ok","path":"/etc/hosts"}',
        '2026-11-29 21:12:06 INFO he said "GET /boom HTTP/1.1" and left',
        "plain words",
        '{"status":500,"method":["GET"],"path":{"a":1}}',
    ],
)
def test_it_takes_nothing_else_for_a_request(line: str) -> None:
    assert told(line) == []


def test_it_tells_what_a_service_asks_of_others_from_what_it_is_asked() -> None:
    line = {"time": 1795986703566, "msg": "paid", "method": "POST", "url": "https://u:p@api.example.com/v1?k=s"}
    (found,) = told(json.dumps({**line, "status_code": 503, "duration_ms": 900}))
    assert (found.host, found.status, found.took_s) == ("api.example.com", 503, 0.9)


def test_it_reads_the_part_of_the_database() -> None:
    assert told(WRITTEN["lograge"][0])[0].database_s == pytest.approx(0.0152)
    line = (
        '{"time":1795986703566,"method":"GET","path":"/a","status":200,"duration_ms":500,"db_ms":450,"external_ms":9}'
    )
    (found,) = told(line)
    assert found.database_s == pytest.approx(0.45)
    assert found.external_s == pytest.approx(0.009)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/users/42?token=secret", "GET /users/:id"),
        ("/users/42/orders/0b6f8a1e-8f0e-4d53-9b52-0f3d2f6f6c11", "GET /users/:id/orders/:id"),
        ("/v2/files/5f2b9c1d7e", "GET /v2/files/:id"),
        ("/cus_9s6XKzkNRiz8i3/cards", "GET /:id/cards"),
        ("/mail/ada%40example.com", "GET /mail/:id"),
        ("/reports/2026-11-29", "GET /reports/:id"),
        ("/", "GET /"),
        ("/campaigns/slowest-campaigns", "GET /campaigns/slowest-campaigns"),
        ("/" + "x" * 50, "GET /:id"),
        ("/a/b/c/d/e/f/g/h/i/j", "GET /a/b/c/d/e/f/g/h/…"),
        ("/a\x1b[31m", "GET /a [31m"),
    ],
)
def test_it_takes_out_of_a_path_what_differs(path: str, expected: str) -> None:
    assert endpoint("get", path) == expected

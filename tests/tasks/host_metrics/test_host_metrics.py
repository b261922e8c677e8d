"""A provider's metrics endpoint: a real HTTP server that answers in the vendor's published format."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from pydantic import SecretStr, ValidationError

from tasks.host.checks import check_host_cpu, check_host_disks, check_host_memory
from tasks.host_metrics.system import HostMetrics
from tasks.model import CannotLook, Earlier, Refused, Verdict

PATH = "/customer/v1/privileged/metrics"
KEY = "a-service-role-key"
GIB = 2**30
# The form of github.com/supabase/supabase-grafana, docs/metrics.md, the pooler's repeated label included.
PAGE = """\
# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{{OF,cpu="0",mode="idle"}} {idle}
node_cpu_seconds_total{{OF,cpu="0",mode="iowait"}} 10
node_cpu_seconds_total{{OF,cpu="0",mode="steal"}} {steal}
node_cpu_seconds_total{{OF,cpu="0",mode="user"}} {user}
node_cpu_seconds_total{{OF,cpu="1",mode="idle"}} {idle}
node_cpu_seconds_total{{OF,cpu="1",mode="user"}} {user}
# HELP node_load5 5m load average.
# TYPE node_load5 gauge
node_load5{{OF}} 1.25
# HELP node_memory_MemTotal_bytes Memory information field MemTotal_bytes.
# TYPE node_memory_MemTotal_bytes gauge
node_memory_MemTotal_bytes{{OF}} 1.073741824e+09
node_memory_MemAvailable_bytes{{OF}} {available}
node_memory_SwapTotal_bytes{{OF}} 1073741824
node_memory_SwapFree_bytes{{OF}} 1073741824
node_filesystem_size_bytes{{OF,ROOT}} 10737418240
node_filesystem_free_bytes{{OF,ROOT}} 5368709120
node_filesystem_avail_bytes{{OF,ROOT}} 5368709120
node_filesystem_size_bytes{{OF,DATA}} 8589934592
node_filesystem_free_bytes{{OF,DATA}} 858993459
node_filesystem_avail_bytes{{OF,DATA}} 429496729
node_filesystem_files{{OF,DATA}} 524288
node_filesystem_files_free{{OF,DATA}} 500000
node_filesystem_size_bytes{{OF,device="tmpfs",fstype="tmpfs",mountpoint="/run"}} 1
node_filesystem_avail_bytes{{OF,device="tmpfs",fstype="tmpfs",mountpoint="/run"}} 0
# TYPE supavisor_client_network_send untyped
supavisor_client_network_send{{supabase_project_ref="abc",db_name="postgres",supabase_project_ref="abc"}} 0
""".replace("OF", 'supabase_project_ref="abc",service_type="db"')
PAGE = PAGE.replace("ROOT", 'device="/dev/1",fstype="ext4",mountpoint="/"')
PAGE = PAGE.replace("DATA", 'device="/dev/2",fstype="ext4",mountpoint="/data"')
HEALTHY = {"idle": 1000, "user": 100, "steal": 0, "available": GIB // 2}


@dataclass
class Endpoint:
    """What the next request is answered with."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    wait_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def tells(self, **numbers: float) -> None:
        self.body = PAGE.format(**{**HEALTHY, **numbers}).encode()

    def door(self, **settings: object) -> HostMetrics:
        return HostMetrics.model_validate({"url": self.url, "password": SecretStr(KEY), **settings})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    answer = Endpoint()
    answer.tells()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer.asked.append(self.headers.get("Authorization", ""))
            expected = "Basic " + base64.b64encode(f"service_role:{KEY}".encode()).decode()
            status = answer.status if self.headers.get("Authorization") == expected else 401
            time.sleep(answer.wait_s)
            self.send_response(status if self.path == PATH else 404)
            self.end_headers()
            if status == 200:
                with contextlib.suppress(BrokenPipeError):  # whoever asked has gone
                    self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    answer.url = f"http://127.0.0.1:{server.server_port}{PATH}"
    yield answer
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_tells_how_busy_the_machine_was_between_two_looks(endpoint: Endpoint) -> None:
    door = endpoint.door()
    first = check_host_cpu.fn(door)
    # 2 cores for 400 s: 780 of 800 s busy, 40 of them taken by others.
    endpoint.tells(idle=1010, user=470, steal=40)
    facts = {**first.facts, "at_s": time.time() - 400}
    found = check_host_cpu.fn(door, earlier=Earlier(at_s=0, value=0, facts=facts))

    assert first.verdict is Verdict.OK
    assert first.says == "127.0.0.1: from now on it is watched how busy its processor is (bad from 95%)."
    assert found.value == pytest.approx(780 / 800)
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "The processor of 127.0.0.1 (2 cores) was 98% busy for 7 minutes (bad from 95%); load 1.2, "
        "5% taken by other tenants."
    )


def test_it_says_nothing_new_of_a_page_that_has_not_changed(endpoint: Endpoint) -> None:
    first = check_host_cpu.fn(endpoint.door())
    found = check_host_cpu.fn(endpoint.door(), earlier=Earlier(at_s=0, value=0, facts=first.facts))

    assert found.verdict is Verdict.OK
    assert "from now on" in found.says


def test_it_counts_memory_and_disks_as_the_page_says(endpoint: Endpoint) -> None:
    endpoint.tells(available=107374182)
    memory, disks = check_host_memory.fn(endpoint.door()), check_host_disks.fn(endpoint.door())

    assert memory.value == pytest.approx(0.1)
    assert memory.verdict is Verdict.WARN
    # 400 MiB of what can be had: 7.2 GiB used and 0.4 available; the rest is root's.
    assert disks.value == pytest.approx(429496729 / (8589934592 - 858993459 + 429496729))
    assert disks.verdict is Verdict.BAD
    assert disks.says == "127.0.0.1: the worst of 2 disks, /data has 410 MiB left, 5% (bad below 10%)."


def test_it_is_healthy_on_a_healthy_page(endpoint: Endpoint) -> None:
    door = endpoint.door(disks=["/"])
    assert {asked.fn(door).verdict for asked in (check_host_cpu, check_host_memory, check_host_disks)} == {Verdict.OK}


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (401, Refused, r"^127\.0\.0\.1 refuses the password of service_role \(401\)\.$"),
        (404, Refused, r"^127\.0\.0\.1 answers 404\.$"),
        (302, Refused, r"^127\.0\.0\.1 answers 302\.$"),
        (429, CannotLook, r"^127\.0\.0\.1 answers 429\.$"),
        (503, CannotLook, r"^127\.0\.0\.1 answers 503\.$"),
    ],
)
def test_it_says_why_there_is_no_answer(endpoint: Endpoint, status: int, error: type[CannotLook], says: str) -> None:
    endpoint.status = status
    with pytest.raises(CannotLook, match=says) as raised:
        endpoint.door().memory()
    assert type(raised.value) is error


def test_it_sends_the_key_and_shows_it_nowhere(endpoint: Endpoint) -> None:
    door = endpoint.door(password=SecretStr("a-rotated-key"))
    with pytest.raises(Refused) as raised:
        door.memory()

    assert endpoint.asked == ["Basic " + base64.b64encode(b"service_role:a-rotated-key").decode()]
    assert "rotated-key" not in f"{raised.value} {raised.value.remedy} {door!r}".replace("was rotated", "")


@pytest.mark.parametrize("url", ["ftp://x/metrics", "https://user:secret@x/metrics", "x"])
def test_it_refuses_an_url_that_cannot_be_right(url: str) -> None:
    with pytest.raises(ValidationError) as raised:
        HostMetrics(url=url, password=SecretStr(KEY))
    assert "secret" not in str(raised.value)


def test_it_does_not_wait_for_ever(endpoint: Endpoint) -> None:
    endpoint.wait_s = 2
    with pytest.raises(CannotLook, match=r"did not answer within 0\.1 s"):
        endpoint.door(timeout_s=0.1).memory()


def test_it_does_not_take_silence_for_a_full_disk(endpoint: Endpoint) -> None:
    kept = [line for line in endpoint.body.decode().splitlines() if not line.startswith("node_filesystem_avail")]
    endpoint.body = "\n".join([*kept, 'node_filesystem_avail_bytes{mountpoint="/data",fstype="ext4"} NaN']).encode()
    with pytest.raises(Refused, match="tells no node_filesystem_avail_bytes"):
        check_host_disks.fn(endpoint.door())


@pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", b"\xff\xfe\x00", b"node_memory_MemTotal_bytes junk"])
def test_it_refuses_what_is_no_such_page(endpoint: Endpoint, body: bytes) -> None:
    endpoint.body = body
    with pytest.raises(Refused, match="tells no node_memory_MemTotal_bytes"):
        check_host_memory.fn(endpoint.door())


def test_it_does_not_mix_two_machines(endpoint: Endpoint) -> None:
    replica = endpoint.body.replace(b'service_type="db"', b'service_type="db",supabase_identifier="abc-rr-1"')
    endpoint.body += replica.replace(b"1.073741824e+09", b"2147483648")

    with pytest.raises(Refused, match="tells of 2 machines"):
        endpoint.door().memory()
    assert endpoint.door(labels={"supabase_identifier": "abc-rr-1"}).memory().total == 2 * GIB


def test_it_names_the_disk_that_is_not_told_of(endpoint: Endpoint) -> None:
    with pytest.raises(Refused, match="tells nothing of /srv") as raised:
        endpoint.door(disks=["/srv"]).file_systems()
    assert raised.value.remedy == "Correct `disks`. It tells of: /, /data."


def test_it_tells_the_doctor_what_it_sees(endpoint: Endpoint) -> None:
    told = list(endpoint.door().examine())
    endpoint.status = 503

    assert [found.verdict for found in told] == [Verdict.OK]
    assert told[0].says == "127.0.0.1 tells of 2 cores and 1.0 GiB of memory; / 5.0 GiB free, /data 410 MiB free."
    assert [found.verdict for found in endpoint.door().examine()] == [Verdict.BAD]

"""Can anchors in a bucket be read back, and is none ever replaced? Against a real S3 server that checks its keys."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployments.ports import free_port
from flows.journal import Bucket, CannotAnchor, NotAnchors, gathered
from flows.journal.chain import GENESIS
from flows.journal.seal import Seal
from tests.conftest import needs
from tests.deployments.processes import wait_until
from tests.flows.journal.conftest import Roles
from tests.flows.journal.test_audit import as_owner, found, rewritten, sealed  # noqa: F401 - `sealed` is a fixture

SEAL = Seal(seal=42, at="2026-11-21T02:00:00.000000Z", heads=1, digest="d" * 64, prev=GENESIS, hash="a" * 64)
KEY, SECRET = "LABKEY", "LABSECRET"


@dataclass(frozen=True)
class Store:
    """A running S3 server; each bucket is a folder."""

    folder: Path
    port: int

    def object(self, name: str) -> Path:
        return self.folder / "anchors" / "team" / name


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    rclone = needs(Path(sys.executable).with_name("rclone"))
    store = Store(tmp_path_factory.mktemp("s3"), free_port())
    (store.folder / "anchors").mkdir()
    cache = ["--vfs-cache-mode", "off", "--dir-cache-time", "0s"]
    command = [rclone, "serve", "s3", "--addr", f"127.0.0.1:{store.port}", "--auth-key", f"{KEY},{SECRET}"]
    server = subprocess.Popen([*command, "--config", "/dev/null", *cache, store.folder], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(store.port), "the S3 server")
        yield store
    finally:
        server.terminate()
        server.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def bucket(store: Store, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for file in store.folder.glob("anchors/*/*"):
        file.unlink()
    point_at(store.port, monkeypatch)
    return Bucket("s3://anchors/team")


def point_at(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "auto")
    # Nothing of this machine's own.
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_it_keeps_one_object_a_seal_and_reads_them_back(bucket: Bucket, store: Store) -> None:
    assert bucket.anchors() == {}
    assert bucket.anchor(SEAL)
    assert bucket.anchor(replace(SEAL, seal=123_456_789, hash="b" * 64))
    assert not bucket.anchor(SEAL)
    assert json.loads(store.object("seal-00000042.json").read_text()) == {"seal": 42, "at": SEAL.at, "hash": SEAL.hash}
    store.object("note.txt").write_text("not ours")
    assert bucket.anchors() == {42: "a" * 64, 123_456_789: "b" * 64}


def test_it_never_replaces_an_anchor(bucket: Bucket, store: Store) -> None:
    """This store ignores the condition `If-None-Match: *`, as several do."""
    bucket.anchor(SEAL)
    before = store.object("seal-00000042.json").read_bytes()
    with pytest.raises(
        NotAnchors, match=r"s3://anchors/team, team/seal-00000042\.json: seal 42 was anchored with another"
    ):
        bucket.anchor(replace(SEAL, hash="b" * 64))
    assert store.object("seal-00000042.json").read_bytes() == before


def test_it_finds_a_record_that_was_written_anew(bucket: Bucket, sealed: Roles) -> None:  # noqa: F811
    journal = sealed.journal()
    with journal.record() as record:
        assert [bucket.anchor(seal) for seal, _ in record.seals()] == [True, True]
    assert found(journal, dict(gathered([bucket]))) == []
    rewritten(sealed, "inc-2")
    as_owner(sealed, "DELETE FROM incident.heads", "DELETE FROM incident.seals")
    journal.seal()
    assert found(journal) == []
    told = found(journal, dict(gathered([bucket])))
    assert [where for where, _ in told] == ["seal 1", "seal 2"]


@pytest.mark.strict("A real S3 server refuses at its leisure; the first show the manner.", keeps=1)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "no anchor"),
        ("", "no anchor"),
        ('{"seal": 43, "hash": "b"}', "it holds the anchor of seal 43: copied there"),
        ('{"seal": 42, "hash": "' + "a" * 5000, "no anchor"),
    ],
)
def test_it_says_what_is_no_anchor(bucket: Bucket, store: Store, text: str, says: str) -> None:
    bucket.anchor(SEAL)
    store.object("seal-00000042.json").write_text(text)
    with pytest.raises(NotAnchors, match=says):
        bucket.anchors()


@pytest.mark.strict("A real S3 server refuses at its leisure; the first show the manner.", keeps=1)
@pytest.mark.parametrize(
    ("changes", "url", "says"),
    [
        (
            {"AWS_SECRET_ACCESS_KEY": "wrong-secret"},
            "s3://anchors",
            "SignatureDoesNotMatch. Check AWS_SECRET_ACCESS_KEY.",
        ),
        ({"AWS_ACCESS_KEY_ID": "NOBODY"}, "s3://anchors", "InvalidAccessKeyId. Check AWS_ACCESS_KEY_ID"),
        ({}, "s3://not-there", "NoSuchBucket. Create the bucket"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "s3://anchors", "Check AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "s3://anchors", "Check AWS_ENDPOINT_URL"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "s3://anchors", "no key. Export AWS_ACCESS_KEY_ID"),
    ],
)
def test_it_says_which_key_is_wrong_and_never_quotes_one(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], url: str, says: str
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    wrong = Bucket(url)
    for ask in (lambda: wrong.anchor(SEAL), wrong.anchors):
        with pytest.raises(CannotAnchor) as refused:
            ask()
        assert says in str(refused.value), refused.value
        assert str(refused.value).startswith(url)
        assert SECRET not in str(refused.value)


@dataclass
class Strict:
    """A store as Amazon documents it, for a key that may put objects and no more."""

    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    conditions: list[str | None] = field(default_factory=list)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[Strict]:
    made = Strict()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.refuse(403, "AccessDenied")

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            made.conditions.append(self.headers["If-None-Match"])
            if self.path in made.objects and self.headers["If-None-Match"] == "*":
                self.refuse(412, "PreconditionFailed")
                return
            made.objects[self.path] = content
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def refuse(self, status: int, code: str) -> None:
            said = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Not into the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    point_at(made.port, monkeypatch)
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_anchors_with_a_key_that_may_only_put(strict: Strict) -> None:
    bucket = Bucket("s3://anchors/team")
    assert bucket.anchor(SEAL)
    assert not bucket.anchor(SEAL)
    assert not bucket.anchor(replace(SEAL, hash="b" * 64))
    assert strict.conditions == ["*", "*", "*"]
    [(path, content)] = strict.objects.items()
    assert (path, json.loads(content)["hash"]) == ("/anchors/team/seal-00000042.json", SEAL.hash)
    with pytest.raises(CannotAnchor, match=r"AccessDenied\. Let this key put objects there"):
        bucket.anchors()

"""The lab's object storage: as much of S3 as is asked of it, kept in memory, for the keys it is told.

Started as a script, by its path, so that it need not import the house: `python store.py FOLDER PORT`. FOLDER holds
`keys`, pairs ID:SECRET one a line, `key`, the pair in use, and may hold `trouble.json`, read before each answer:
`revoked` are SHA-256 of pairs that are known no more, `skewed` refuses every signature for its moment, `gone` names
buckets that are not there. One bucket says that it keeps versions, of which the newest is told. A signature is checked
by botocore's own signer, as Amazon and R2 would: moto takes any.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

KEYS, KEY, TROUBLE = "keys", "key", "trouble.json"
VERSIONED = "uploads-copy"
BUCKETS = ("uploads", VERSIONED)
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MOST_BYTES = 64 * 2**20


@dataclass
class Upload:
    """One that was begun: its parts by their number."""

    key: str
    begun: float
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Bucket:
    """What lies in one: contents with the headers they came with, and uploads by their id."""

    objects: dict[str, tuple[bytes, float, dict[str, str]]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    versioned: bool = False
    put: int = 0


class Refused(Exception):
    """An error as S3 tells it."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class Store(ThreadingHTTPServer):
    """Knows its keys; what is in it goes with it."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self.folder = folder
        pairs = (folder / KEYS).read_text(encoding="utf-8").split()
        self.secrets = dict(pair.split(":", 1) for pair in pairs)
        self.buckets = {name: Bucket(versioned=name == VERSIONED) for name in BUCKETS}
        self.lock = threading.Lock()
        self.uploads = 0

    def trouble(self) -> dict[str, Any]:
        try:
            told = json.loads((self.folder / TROUBLE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def admit(self, method: str, url: str, headers: dict[str, str]) -> None:
        """See who asks, by the signature.

        Raises:
            Refused: it is nobody we know, or the signature is another.
        """
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        trouble = self.trouble()
        if trouble.get("skewed"):
            raise Refused(403, "RequestTimeTooSkewed")
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        told = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        scope = told.get("Credential", "").split("/")
        if scheme != "AWS4-HMAC-SHA256" or len(scope) != 5:
            raise Refused(403, "AccessDenied")
        secret = self.secrets.get(scope[0])
        mark = hashlib.sha256(f"{scope[0]}:{secret}".encode()).hexdigest()
        if secret is None or mark in trouble.get("revoked", ()):
            raise Refused(403, "InvalidAccessKeyId")
        signed = {name: headers.get(name, "") for name in told.get("SignedHeaders", "").split(";")}
        request = AWSRequest(method=method, url=url, headers=signed)
        request.context["timestamp"] = headers.get("x-amz-date", "")
        signer = S3SigV4Auth(Credentials(scope[0], secret), "s3", scope[2])
        whole = signer.string_to_sign(request, signer.canonical_request(request))
        if signer.signature(whole, request) != told.get("Signature"):
            raise Refused(403, "SignatureDoesNotMatch")

    def bucket(self, name: str) -> Bucket:
        """
        Raises:
            Refused: there is none.
        """
        if name not in self.buckets or name in self.trouble().get("gone", ()):
            raise Refused(404, "NoSuchBucket")
        return self.buckets[name]


class Answer(BaseHTTPRequestHandler):
    """One request: a bucket's when its path has one part, an object's otherwise."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answered()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - as http.server calls them

    def _answered(self) -> None:
        store = self.server
        assert isinstance(store, Store)  # noqa: S101 - nobody else makes one
        body = self.rfile.read(min(int(self.headers.get("content-length") or 0), MOST_BYTES))
        asked = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query, keep_blank_values=True).items()}
        bucket, _, key = unquote(asked.path).lstrip("/").partition("/")
        try:
            headers = {name.lower(): value for name, value in self.headers.items()}
            store.admit(self.command, f"http://{headers.get('host', '')}{self.path}", headers)
            with store.lock:
                if key:
                    self._of_object(store.bucket(bucket), key, query, body)
                else:
                    self._of_bucket(bucket, store.bucket(bucket), query)
        except Refused as error:
            self._say(error.status, f"<Error><Code>{error.code}</Code><Message>{error.code}</Message></Error>")

    def _of_bucket(self, name: str, bucket: Bucket, query: dict[str, str]) -> None:
        if self.command != "GET":
            raise Refused(501, "NotImplemented")
        if "uploads" in query:
            told = "".join(
                f"<Upload><Key>{escape(one.key)}</Key><UploadId>{number}</UploadId>"
                f"<Initiated>{_moment(one.begun)}</Initiated></Upload>"
                for number, one in bucket.uploads.items()
            )
            self._tell("ListMultipartUploadsResult", f"<IsTruncated>false</IsTruncated>{told}")
        elif "lifecycle" in query:
            ends = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>"
            rule = f"<ID>default</ID><Status>Enabled</Status><Filter/>{ends}</AbortIncompleteMultipartUpload>"
            self._tell("LifecycleConfiguration", f"<Rule>{rule}</Rule>")
        elif "versioning" in query:
            if name != VERSIONED:
                # As R2 does.
                raise Refused(501, "NotImplemented")
            self._tell("VersioningConfiguration", "<Status>Enabled</Status>")
        elif "cors" in query:
            raise Refused(404, "NoSuchCORSConfiguration")
        else:
            prefix, most = query.get("prefix", ""), int(query.get("max-keys", "1000"))
            found = sorted(key for key in bucket.objects if key.startswith(prefix))[:most]
            told = "".join(_listed(key, *bucket.objects[key][:2]) for key in found)
            self._tell("ListBucketResult", f"<Name>{name}</Name><IsTruncated>false</IsTruncated>{told}")

    def _of_object(self, bucket: Bucket, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query or "uploadId" in query:
            self._of_upload(bucket, key, query, body)
        elif self.command == "PUT":
            kept = {n: v for n, v in self.headers.items() if n.lower().startswith("x-amz-meta-")}
            if bucket.versioned:
                bucket.put += 1
                kept["x-amz-version-id"] = f"version-{bucket.put}"
            bucket.objects[key] = (body, time.time(), kept)
            self._say(200, "", {"etag": _etag(body)})
        elif self.command == "DELETE":
            bucket.objects.pop(key, None)
            self._say(204, "")
        elif key not in bucket.objects:
            raise Refused(404, "NoSuchKey")
        else:
            content, at, kept = bucket.objects[key]
            self._say(200, content, {"etag": _etag(content), "last-modified": self.date_time_string(int(at)), **kept})

    def _of_upload(self, bucket: Bucket, key: str, query: dict[str, str], body: bytes) -> None:
        store, number = self.server, query.get("uploadId", "")
        assert isinstance(store, Store)  # noqa: S101 - nobody else makes one
        if "uploads" in query:
            store.uploads += 1
            bucket.uploads[f"upload-{store.uploads}"] = Upload(key=key, begun=time.time())
            told = f"<Key>{escape(key)}</Key><UploadId>upload-{store.uploads}</UploadId>"
            return self._tell("InitiateMultipartUploadResult", told)
        if number not in bucket.uploads or bucket.uploads[number].key != key:
            raise Refused(404, "NoSuchUpload")
        if self.command == "PUT":
            bucket.uploads[number].parts[int(query["partNumber"])] = body
            self._say(200, "", {"etag": _etag(body)})
        elif self.command == "DELETE":
            del bucket.uploads[number]
            self._say(204, "")
        elif self.command == "GET":
            parts = bucket.uploads[number].parts
            told = "".join(
                f"<Part><PartNumber>{n}</PartNumber><Size>{len(of)}</Size></Part>" for n, of in parts.items()
            )
            self._tell("ListPartsResult", told)
        else:
            done = bucket.uploads.pop(number)
            content = b"".join(done.parts[n] for n in sorted(done.parts))
            bucket.objects[key] = (content, time.time(), {})
            self._tell("CompleteMultipartUploadResult", f"<Key>{escape(key)}</Key><ETag>{_etag(content)}</ETag>")
        return None

    def _tell(self, name: str, within: str) -> None:
        self._say(200, f'<{name} xmlns="{NAMESPACE}">{within}</{name}>')

    def _say(self, status: int, body: str | bytes, headers: dict[str, str] | None = None) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in (headers or {"content-type": "application/xml"}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Whoever asks is nobody's news."""


def _listed(key: str, content: bytes, at: float) -> str:
    return (
        f"<Contents><Key>{escape(key)}</Key><LastModified>{_moment(at)}</LastModified><ETag>{_etag(content)}</ETag>"
        f"<Size>{len(content)}</Size></Contents>"
    )


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def main(folder: Path, port: int) -> None:
    """Answer until told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Store(folder, port).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

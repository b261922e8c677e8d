"""One client, and what it was told: kept for as long as a question lasts (tasks/kept.py), and no longer."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Generator
from contextlib import closing

import httpx

from tasks.amounts import size
from tasks.model import Refused
from tasks.web.cutting import Line
from tasks.web.exchange import Answer, Place, Request, Tls
from tasks.web.retry import MAY_PASS, again, wait_asked_for

HEADERS = {
    # Some refuse whoever does not say who they are (Resend), or answer bots with nothing (n8n).
    "User-Agent": "incident-pipelines",
    "Accept": "application/json",
    # Unpacked, 64 kB can become a thousand times as much before anybody could stop reading.
    "Accept-Encoding": "identity",
}


class _WithoutQuery(logging.Filter):
    """httpx logs the URL of each request; some vendors want a secret in it, and a search may name a person."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_no_query(one) if isinstance(one, httpx.URL) else one for one in record.args)
        return True


def _no_query(url: httpx.URL) -> httpx.URL:
    return url.copy_with(query=None, fragment=None)


logging.getLogger("httpx").addFilter(_WithoutQuery())


class Visit:
    """A connection to one place, and its answers so far."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._line = Line()
        self._told: dict[httpx.URL, Answer] = {}
        self._client = httpx.Client(
            verify=trust(place.tls, place.name), headers=HEADERS | dict(place.headers), auth=_Signature(place)
        )

    def rest(self) -> bool:
        """An idle connection and what it told hold nothing up."""
        return True

    def wake(self) -> bool:
        """If the server has closed the connection meanwhile, httpx opens another."""
        return True

    def close(self) -> None:
        self._line.close()
        self._client.close()

    def answer(self, request: Request, until: float) -> Answer:
        """The answer to `request`; to a GET that was answered before, the same.

        Raises:
            httpx.HTTPError: none came about by `until`, of time.monotonic(). Refused: it leads elsewhere, is too long.
        """
        url = httpx.URL(request.url)
        url = url.copy_merge_params(request.params) if request.params else url
        if request.method == "GET" and not request.fresh and url in self._told:
            return self._told[url]
        if request.method != "GET" and not request.reads:
            # What was true before a change need not be after it, and one that fails may have been made.
            self._told.clear()
        attempts = self._place.limits.attempts if request.is_repeatable else 1
        answer = again(lambda: self._fetched(url, request, until), attempts=attempts, until=until)
        if request.method == "GET" and answer.status not in MAY_PASS:
            self._told[url] = answer
        return answer

    def _fetched(self, url: httpx.URL, request: Request, until: float) -> Answer:
        """One attempt, and where the server sends us on to."""
        asked = self._built(url, request, until)
        with self._line.cut_at(until):
            for _ in range(self._place.limits.redirects + 1):
                begun = time.monotonic()
                with closing(self._client.send(asked, stream=True)) as reply:
                    following = reply.next_request if request.method in ("GET", "HEAD") else None
                    if following is None or not self._place.limits.redirects:
                        return self._read(reply, begun)
                refuse_elsewhere(self._place, following.url)
                asked = following
        raise httpx.TooManyRedirects(f"more than {self._place.limits.redirects}", request=asked)

    def _built(self, url: httpx.URL, request: Request, until: float) -> httpx.Request:
        limits, left_s = self._place.limits, max(until - time.monotonic(), 0.001)
        return self._client.build_request(
            request.method,
            url,
            json=request.json,
            data=request.form,
            content=request.content,
            headers=request.headers,
            timeout=httpx.Timeout(
                connect=min(limits.connect_s, left_s),
                read=min(limits.read_s, left_s),
                write=min(limits.write_s, left_s),
                pool=min(limits.pool_s, left_s),
            ),
            extensions={"trace": self._line.trace},
        )

    def _read(self, reply: httpx.Response, begun: float) -> Answer:
        content = self._content(reply)
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Answer(
            status=reply.status_code,
            url=self._place.hidden_in(str(reply.url)),
            headers=headers,
            links={str(rel): link for rel, link in reply.links.items()},
            content=content,
            asks_to_wait_s=wait_asked_for(reply.status_code, headers, self._place.resets),
            took_s=time.monotonic() - begun,
        )

    def _content(self, reply: httpx.Response) -> bytes:
        most = self._place.limits.most_bytes
        content = bytearray()
        try:
            if (reply.headers.get("content-encoding") or "identity").lower() != "identity":
                raise httpx.DecodingError("compressed, though asked not to")
            for piece in reply.iter_raw():
                content += piece
                if len(content) > most:
                    raise Refused(
                        f"{self._place.name} tells more than {size(most)} at once.",
                        remedy="Ask for less: a shorter time, or a part.",
                    )
            if self._line.was_cut:
                raise httpx.ReadTimeout("an answer that ends with its connection was cut off")
        except (httpx.HTTPError, Refused):
            # What is wrong is known by the status; the rest would only explain it.
            if reply.is_success:
                raise
        return bytes(content[:most])


class _Signature(httpx.Auth):
    """Puts the secret into a request at the last moment, and into none that leads elsewhere."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        refuse_elsewhere(self._place, request.url)
        key = self._place.key
        if key is not None and not key.is_sendable:
            raise Refused(
                f"The secret for {self._place.name} holds what no header can.",
                remedy="Write it again, without accents; one read from a file often has a line break at its end.",
            )
        if key is not None:
            if key.parameter:
                request.url = request.url.copy_set_param(key.parameter, key.value.get_secret_value())
            else:
                request.headers[key.header] = key.value.get_secret_value()
        yield request


def refuse_elsewhere(place: Place, url: httpx.URL) -> None:
    """Only the host and port that were configured are asked; of one's http, its https is the same host.

    Raises:
        Refused: `url` is none of that.
    """
    base = httpx.URL(place.base)
    safer = base.scheme == "http" and url.scheme == "https" and base.port is url.port is None
    same = url.host == base.host and (safer or (url.scheme, url.port) == (base.scheme, base.port))
    # A user in an URL would be sent to the server as another secret.
    if not same or url.userinfo:
        # No more than its host is said: behind it may stand what is nobody's business.
        shown = httpx.URL(scheme=url.scheme, host=url.host, port=url.port)
        raise Refused(
            f"{place.name} sends us on to {shown}, which is not followed.",
            remedy="If that is its address now, write it as `url`, whole.",
        )


def trust(tls: Tls, name: str) -> ssl.SSLContext:
    """Whom we believe about who `name` is, and how we say who we are.

    Raises:
        Refused: a file of it cannot be used.
    """
    try:
        context = httpx.create_ssl_context() if tls.ca_file is None else ssl.create_default_context(cafile=tls.ca_file)
        if tls.certificate is not None:
            # An empty password: for a key that is encrypted, somebody at the terminal would be waited for.
            context.load_cert_chain(tls.certificate, tls.key, password="")
    except OSError as error:
        files = ", ".join(str(file) for file in (tls.ca_file, tls.certificate, tls.key) if file)
        raise Refused(
            f"The certificates for {name} cannot be used: {error.strerror or error}.",
            remedy=f"Look at {files or 'SSL_CERT_FILE'}: PEM, not encrypted, readable by whoever runs this.",
        ) from None
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

#!/usr/bin/env bash
# Apprise mails a body as HTML as it stands; told that it is text, it makes every blank one at which no line breaks.
#
# Versions: apprise 1.13.1 from PyPI.
# Source:   apprise/plugins/email/base.py (`notify_format = NotifyFormat.HTML`), apprise/conversion.py
#           (`text_to_html`: " " becomes &nbsp;).
# Guess:    `notify(title, body)` of two strings sends text; and `body_format=NotifyFormat.TEXT`, where one needs to say
#           so, sends what looks as it was written.
# Seen:     the mail is text/html with the body as it was given: `<img src=https://…>` out of an alert's title is a
#           picture, fetched when the mail is read. With body_format=TEXT it is escaped, and each of its blanks is
#           &nbsp;: a paragraph is one line as wide as it is long, on a telephone as well. What works: ?format=text in
#           the address, or `notify_format = NotifyFormat.TEXT` on the target: then it is text/plain.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, the package cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check apprise==1.13.1 2>/dev/null ||
    { echo "needs apprise 1.13.1 from PyPI"; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import email
import socketserver
import sys
import threading

from apprise import Apprise, NotifyFormat

got = []


class Server(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                mail = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    mail += part
                # The last of several forms is the one that is shown.
                *_, text = [part for part in email.message_from_bytes(mail).walk() if not part.is_multipart()]
                got.append((text.get_content_type(), text.get_payload(decode=True).decode()))
            self.wfile.write(b"250 fine\r\n")
            if line.upper().startswith(b"QUIT"):
                return


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"mailto://127.0.0.1:{server.server_address[1]}/?mode=insecure&from=a@example.com&to=b@example.com"
    body = "It is down: <img src=https://evil.example/p.png> and so on"
    for address, how in ((url, {}), (url, {"body_format": NotifyFormat.TEXT}), (f"{url}&format=text", {})):
        one = Apprise()
        one.add(address)
        assert one.notify(title="P0", body=body, **how)
    server.shutdown()
for mail in got:
    print(mail)
(asis, first), (escaped, second), (plain, third) = got
sys.exit(
    not (
        (asis, escaped, plain) == ("text/html", "text/html", "text/plain")
        and "<img src=https://evil.example/p.png>" in first
        and "&lt;img" in second
        and "is&nbsp;down:" in second
        and third.strip() == body
    )
)
PY

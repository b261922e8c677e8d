#!/usr/bin/env bash
# standardwebhooks' verify raises ValueError, not its own error, for a header that is no signature: 500 to any stranger.
#
# Versions: standardwebhooks 1.1.0, and svix 2.9.1 (the same lines), from PyPI.
# Source:   standardwebhooks/webhooks.py (`verify`): each part is split into exactly two and decoded as base64, and
#           neither is caught; the body is decoded as UTF-8 before anything is looked at. b64decode is not strict.
# Guess:    `except WebhookVerificationError:` is all that a receiver needs for whatever somebody sends; the docstring
#           lists it alone, for headers that are "missing, invalid, too old or too new".
# Seen:     `v1`, `v1,abc`, `v1,é` and a body of the byte FF raise ValueError and its children (binascii.Error,
#           UnicodeDecodeError): a service that follows the docstring answers 500 and logs a traceback, which a sender
#           that tries again does again. One such part before a good one refuses the good one, too. And what stands
#           behind the padding of a good one is passed over: the header is no name for a delivery, the id is.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, the packages cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check standardwebhooks==1.1.0 svix==2.9.1 \
    2>/dev/null || { echo "needs standardwebhooks 1.1.0 and svix 2.9.1 from PyPI"; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import base64
import sys
from datetime import datetime, timezone

import standardwebhooks
import svix.webhooks

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


def said(library, given, body=b"{}"):
    hook, at = library.Webhook(SECRET), datetime.now(timezone.utc)
    right = hook.sign("msg_1", at, "{}")
    head = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp()))}
    try:
        hook.verify(body, {**head, "webhook-signature": given.format(right=right)})
    except Exception as error:
        return type(error).__name__
    return "taken"


expected = {
    "{right}": "taken",
    "v1,AAAA": "WebhookVerificationError",
    "v1": "ValueError",
    "v1,abc": "Error",
    "v1,é": "ValueError",
    "v1 {right}": "ValueError",
    "{right}anything": "taken",
}
for library in (standardwebhooks, svix.webhooks):
    seen = {given: said(library, given) for given in expected}
    no_text = said(library, "{right}", b"\xff")
    print(f"{library.__name__}: {seen}; a body that is no text: {no_text}")
    if seen != expected or no_text != "UnicodeDecodeError":
        sys.exit(1)
PY

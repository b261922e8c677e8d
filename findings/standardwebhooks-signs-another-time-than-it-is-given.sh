#!/usr/bin/env bash
# standardwebhooks signs another time than the one it is given, unless that is in UTC: hours away, and nobody takes it.
#
# Versions: standardwebhooks 1.1.0, and svix 2.9.1 (the same lines), from PyPI.
# Source:   standardwebhooks/webhooks.py (`sign`): timestamp.replace(tzinfo=timezone.utc), which moves no clock: it calls
#           ten in Berlin ten in UTC.
# Guess:    `sign(id, at, body)` takes a datetime, so an aware one of any zone is the moment that it is, and a naive one
#           is local time as everywhere in Python. The header beside it is `int(at.timestamp())`.
# Seen:     with a zone other than UTC, aware or as the machine's own, the signature is of a second hours away, and
#           `verify` of the same library finds no matching signature. `datetime.utcnow()`, which is naive, is signed
#           rightly, and then its `.timestamp()` is the wrong one. On a server whose zone is UTC all of it works.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, the packages cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check standardwebhooks==1.1.0 svix==2.9.1 tzdata \
    2>/dev/null || { echo "needs standardwebhooks 1.1.0 and svix 2.9.1 from PyPI"; exit 2; }
TZ=Europe/Berlin "$folder/venv/bin/python" - <<'PY'
import base64
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import standardwebhooks
import svix.webhooks

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


def taken(library, at):
    hook = library.Webhook(SECRET)
    head = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp()))}
    try:
        hook.verify("{}", {**head, "webhook-signature": hook.sign("msg_1", at, "{}")})
    except library.WebhookVerificationError as error:
        return str(error)
    return "taken"


WRONG = "No matching signature found"
expected = {"UTC": "taken", "Berlin, aware": WRONG, "naive, of this machine": WRONG}
for library in (standardwebhooks, svix.webhooks):
    seen = {
        "UTC": taken(library, datetime.now(timezone.utc)),
        "Berlin, aware": taken(library, datetime.now(ZoneInfo("Europe/Berlin"))),
        "naive, of this machine": taken(library, datetime.now()),
    }
    print(f"{library.__name__}: {seen}")
    if seen != expected:
        sys.exit(1)
PY

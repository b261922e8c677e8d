"""The lab's monitoring: it sends an alert whenever its secret was changed, and tries again until that is taken.

Started as a script, by its path, so that it need not import the house: `python alerter.py FOLDER`. FOLDER holds `url`,
the address of the intake's source, and `secret`, a file as Alertmanager's `credentials_file` is one. Its alert is one
that is over: it opens nothing.
"""

from __future__ import annotations

import json
import signal
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

SECRET, URL = "secret", "url"
LOOKS_EVERY_S, WAITS_S = 0.3, 5.0
# Straight: whatever proxy this machine is told to use leads elsewhere.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def group() -> bytes:
    """A group of one alert that is over, as Alertmanager writes it."""
    now = datetime.now(UTC).isoformat()
    alert = {
        "status": "resolved",
        "labels": {"alertname": "LabSecretChanged"},
        "annotations": {"summary": "The lab's monitoring has another secret"},
        "startsAt": now,
        "endsAt": now,
        "fingerprint": "1ab5ec2e7c0ffee0",
    }
    return json.dumps(
        {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "resolved", "alerts": [alert]}
    ).encode()


def sent(url: str, secret: str) -> str:
    """Send it once: empty if it was taken, else why not."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
    request = urllib.request.Request(url, data=group(), headers=headers, method="POST")  # noqa: S310 - the lab's own
    try:
        with OPENER.open(request, timeout=WAITS_S):
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return f"refused with {error.code}"
    except OSError as error:
        return f"nobody answers: {type(error).__name__}"


def main(folder: Path) -> None:
    """Look for ever."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    before, said = (folder / SECRET).read_text(encoding="utf-8"), ""
    waits = False
    while True:
        time.sleep(LOOKS_EVERY_S)
        held = (folder / SECRET).read_text(encoding="utf-8")
        # What was refused is sent again with the secret it had before, too.
        waits = waits or held != before
        before = held
        if not waits:
            continue
        why = sent((folder / URL).read_text(encoding="utf-8"), held.strip())
        waits = bool(why)
        if why != said:
            print(why or "taken", flush=True)
            said = why
        # As monitoring does, if sooner.
        time.sleep(1 if why else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

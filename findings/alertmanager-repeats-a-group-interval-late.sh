#!/usr/bin/env bash
# Alertmanager repeats a notification one group_interval later than repeat_interval says, also where it divides evenly.
#
# Versions: Alertmanager 0.25.0 (Debian 12's prometheus-alertmanager).
# Source:   notify/notify.go (DedupStage: an entry of the notification log must be older than repeat_interval), asked
#           only when the group is flushed, each group_interval.
# Guess:    with group_interval 2s and repeat_interval 4s an alert that stays as it is is told every 4 s, at each second
#           flush: the one is a multiple of the other, as the documentation recommends.
# Seen:     it is told every 6 s. At the second flush the entry, written after the first was sent, is some milliseconds
#           younger than repeat_interval, so the third flush tells. With repeat_interval 3s it is told every 4 s. Whoever
#           counts on the shipped 5m and 4h gets 4 h 5 min, and a window of "repeat_interval and a little" misses each.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, the package cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
cd "$folder"
chmod 755 .
apt-get download -qq prometheus-alertmanager=0.25.0* >/dev/null 2>&1 || { echo "needs Debian 12's package"; exit 2; }
dpkg-deb -x prometheus-alertmanager_0.25.0*.deb . || { echo "needs dpkg-deb"; exit 2; }
port() { "$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
AM=$(port)
HOOK=$(port)
cat >am.yml <<YML
route:
  receiver: four
  group_by: [alertname]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 4s
  routes:
  - {receiver: three, matchers: [every="three"], repeat_interval: 3s}
receivers:
- {name: four, webhook_configs: [{url: "http://127.0.0.1:$HOOK/four"}]}
- {name: three, webhook_configs: [{url: "http://127.0.0.1:$HOOK/three"}]}
YML
usr/bin/prometheus-alertmanager --config.file=am.yml --storage.path=data --cluster.listen-address= \
    --web.listen-address="127.0.0.1:$AM" >log 2>&1 &
server=$!
AM=$AM HOOK=$HOOK "$PYTHON" - <<'PY'
import collections
import http.server
import json
import os
import statistics
import sys
import threading
import time
import urllib.request

told = collections.defaultdict(list)


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        told[self.path].append(time.monotonic())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


hook = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["HOOK"])), Hook)
threading.Thread(target=hook.serve_forever, daemon=True).start()
one = [{"labels": {"alertname": "A"}}, {"labels": {"alertname": "B", "every": "three"}}]
for alert in one:
    alert["endsAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
url = f"http://127.0.0.1:{os.environ['AM']}/api/v2/alerts"
sent = urllib.request.Request(url, json.dumps(one).encode(), {"Content-Type": "application/json"})
for _ in range(60):
    try:
        urllib.request.urlopen(sent)
        break
    except OSError:
        time.sleep(0.5)
time.sleep(32)
apart = {path: [b - a for a, b in zip(at, at[1:])] for path, at in told.items()}
middle = {path: statistics.median(seconds) for path, seconds in apart.items()}
for path, seconds in sorted(apart.items()):
    print(f"repeat_interval {path[1:]} s, flushed each 2 s: told every {middle[path]:.1f} s ({len(seconds)} times)")
sys.exit(not (5.5 < middle["/four"] < 6.5 and 3.5 < middle["/three"] < 4.5))
PY

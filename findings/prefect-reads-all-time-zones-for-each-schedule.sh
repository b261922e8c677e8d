#!/usr/bin/env bash
# Prefect reads the system's whole time zone database each time a schedule with a time zone is read, in client and server.
#
# Versions: prefect 3.9.0, CPython 3.11, Linux.
# Source:   prefect/_internal/schemas/validators.py (`default_timezone`) asks prefect/types/_datetime.py
#           (`get_timezones`), which calls `zoneinfo.available_timezones()`; that one keeps nothing.
# Guess:    the names are looked up once, and a schedule is parsed in well below a millisecond.
# Seen:     one walk over the whole database for each schedule: thousands of files opened for the first bytes of each.
#           Most of the time it takes to parse one: five to ten milliseconds, and again in the server for each schedule
#           in each answer. A hundred deployments that are listed every twenty seconds cost several percent of a core on
#           both sides. Looking it up once per process (functools.cache) makes it vanish.
#
# Exit 0: as described. Exit 1: it behaves otherwise now.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PREFECT_HOME=$folder/home PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check prefect==3.9.0 'fastapi<0.151' 'sqlalchemy<2.1' 2>/dev/null
"$folder/venv/bin/python" - <<'PY'
import sys
import time

from prefect.client.schemas.schedules import CronSchedule
from prefect.types import _datetime

TIMES = 20
walks = 0
real = _datetime.available_timezones


def counted():
    global walks
    walks += 1
    return real()


def parsing_ms():
    began = time.perf_counter()
    for _ in range(TIMES):
        CronSchedule(cron="0 3 * * *", timezone="Europe/Berlin")
    return 1000 * (time.perf_counter() - began) / TIMES


_datetime.available_timezones = counted
each_ms = parsing_ms()
names = real()
_datetime.available_timezones = lambda: names
kept_ms = parsing_ms()
print(f"{walks} walks for {TIMES} schedules; {each_ms:.1f} ms each, {kept_ms:.2f} ms with the names kept")
sys.exit(0 if walks == TIMES and each_ms > 5 * kept_ms else 1)
PY

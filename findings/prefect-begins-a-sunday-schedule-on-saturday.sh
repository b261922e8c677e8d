#!/usr/bin/env bash
# Where the clock is put on at midnight, Prefect begins a schedule of Sundays on the Saturday before.
#
# Version: prefect 3.9.0 from PyPI (the newest whose cron schedules fire on Python 3.11 and 3.12), any Python it supports.
# Source:  prefect/server/schemas/schedules.py, `CronSchedule._get_dates_generator`, and its own copy of croniter.
# Guess:   `0 0 * * 0` in America/Santiago, where 6 September 2026 has no midnight (24:00 is 01:00), begins at 01:00 on
#          that Sunday, or not at all; a daily one begins once on each date.
# Seen:    the schedule of Sundays begins on Saturday, 5 September, 23:00, and so does `0 0 6 * *`, on the 5th. The daily
#          one begins twice on the 5th (00:00 and 23:00) and not on the 6th.
#
# Exit 0: as described. Exit 1: it behaves otherwise now.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PREFECT_HOME=$folder/home PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check "prefect==3.9.0" "sqlalchemy<2.1" 2>/dev/null
seen=$("$folder/venv/bin/python" - <<'PY'
import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

from prefect.server.schemas.schedules import CronSchedule

zone = ZoneInfo("America/Santiago")
for cron in ("0 0 * * *", "0 0 * * 0", "0 0 6 * *"):
    schedule = CronSchedule(cron=cron, timezone="America/Santiago")
    dates = asyncio.run(schedule.get_dates(2, start=datetime(2026, 9, 5, tzinfo=zone)))
    print(cron, *(f"{date.astimezone(zone):%a-%d-%H:%M}" for date in dates))
PY
)
echo "$seen"
[[ $seen == "0 0 * * * Sat-05-00:00 Sat-05-23:00
0 0 * * 0 Sat-05-23:00 Sun-13-00:00
0 0 6 * * Sat-05-23:00 Tue-06-00:00" ]]

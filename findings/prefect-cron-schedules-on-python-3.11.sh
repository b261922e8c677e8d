#!/usr/bin/env bash
# Prefect 3.9.1 works out no date of any cron schedule on Python 3.11 and 3.12, so such a schedule never fires.
#
# Versions: prefect 3.9.1, whenever 0.10.5, pendulum 3.3.0 (all satisfy Prefect's own requirements), Python 3.11.
# Source:   prefect/server/schemas/schedules.py (`_get_dates_whenever`) and prefect/types/_datetime.py
#           (`_whenever_zdt_from_py`) as installed from PyPI.
# Guess:    an ordinary schedule, `0 3 * * *` in Europe/Berlin, gives the next two nights.
# Seen:     ValueError: tzinfo must be of type ZoneInfo (exactly), got Timezone('Europe/Berlin'). On these Pythons the
#           start is a pendulum date, whose zone `whenever` refuses. The server's scheduler logs that for each deployment
#           at each round and goes on, so deployments look ready and their schedules active. Interval schedules do fire,
#           and Prefect 3.9.0 gives the dates.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, needs Python 3.11 or 3.12.
set -euo pipefail
PYTHON=${PYTHON:-python3}
"$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || { echo "needs Python 3.11 or 3.12"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PREFECT_HOME=$folder/home PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1

dates() {
    "$PYTHON" -m venv "$folder/$1"
    "$folder/$1/bin/python" -m pip install -q --disable-pip-version-check "prefect==$1" whenever==0.10.5 pendulum==3.3.0 \
        2>/dev/null
    "$folder/$1/bin/python" - <<'PY'
import asyncio
from prefect.server.schemas.schedules import CronSchedule

schedule = CronSchedule(cron="0 3 * * *", timezone="Europe/Berlin")
try:
    print(f"{len(asyncio.run(schedule.get_dates(2)))} dates")
except ValueError as error:
    print(f"ValueError: {error}")
PY
}

newer=$(dates 3.9.1)
older=$(dates 3.9.0)
echo "3.9.1: $newer"
echo "3.9.0: $older"
[[ $newer == "ValueError: tzinfo must be of type ZoneInfo (exactly), got Timezone('Europe/Berlin')" && $older == "2 dates" ]]

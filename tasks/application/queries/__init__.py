"""The questions in SQL, one file each, for Postgres 13 to 18; a `%` is written `%%`, as psycopg wants it.

`{sends}` stands for the table that plays that part, `{sends.status}` for a column, and `{sends.statuses.failed}` for
the list of values in it; what stands in `[[ ]]` is left out where one of its names is not mapped (system.py).
"""

from tasks.sql import reader

_read = reader(__name__)

NOW = _read("now")
RELATIONS = _read("relations")
LAST_RUNS = _read("last_runs")
SENDER_OFF = _read("sender_off")
SENDER_BACK = _read("sender_back")
STICK = _read("stick")
UNSTICK = _read("unstick")
FAIL_RUNS = _read("fail_runs")
UNFAIL_RUNS = _read("unfail_runs")
UNSUBSCRIBE = _read("unsubscribe")
RESUBSCRIBE = _read("resubscribe")
WRITABLE = _read("writable")
REWRITE = _read("rewrite")
STANDING = _read("standing")
BOUNCED_LEADS = _read("bounced_leads")
REFUSED_LEADS = _read("refused_leads")
MAILED_INVALID = _read("mailed_invalid")
ENROLMENTS_OF = _read("enrolments_of")
QUEUED_OF = _read("queued_of")
CAMPAIGNS_OF = _read("campaigns_of")
QUEUED_IN = _read("queued_in")
HELD_BY = _read("held_by")
RESTORE = _read("restore")
SCHEDULED = _read("scheduled")
SWITCH = _read("switch")

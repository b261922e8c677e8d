"""The questions about what lets mails go out, and stops them. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)

SETTING = _read("setting")
SET_SETTING = _read("set_setting")
SENT_SINCE = _read("sent_since")
WRONG_RECIPIENTS = _read("wrong_recipients")
SEND_WRONGLY = _read("send_wrongly")
UNSEND = _read("unsend")
KEEP_SETTINGS = _read("keep_settings")
RESTORE_SETTINGS = _read("restore_settings")
WENT_OUT = _read("went_out")
HELD_TOO_LONG = _read("held_too_long")
TAKEN_LATELY = _read("taken_lately")
WAITING_WRONGLY = _read("waiting_wrongly")
ELIGIBLE = _read("eligible")
SLEEPING = _read("sleeping")
PAUSE_ALL = _read("pause_all")
NO_CRON = _read("no_cron")
QUEUED_BEFORE = _read("queued_before")

"""The questions about what becomes of mails that went out. See tasks/application/queries."""

from tasks.sql import reader

_read = reader(__name__)
_COHORT = _read("cohort")
_USUAL = _read("usual")
_REACTED = _read("reacted")

BOUNCES = _read("bounces")
COMPLAINTS = _COHORT.replace("{kind}", "complaint")
UNSUBSCRIBES = _COHORT.replace("{kind}", "unsubscribe")
OPENS = _COHORT.replace("{kind}", "open")
CLICKS = _COHORT.replace("{kind}", "click")
USUAL_OPENS = _USUAL.replace("{kind}", "open")
USUAL_CLICKS = _USUAL.replace("{kind}", "click")
BY_CAMPAIGN = _read("by_campaign")
BY_DOMAIN = _read("by_domain")
CAPTURED = _read("captured")
BOUNCE = _read("bounce")
REFUSE = _read("refuse")
UNSUBSCRIBES_BY_CAMPAIGN = _REACTED.replace("{kind}", "unsubscribe")
REASONS = _read("reasons")
FREQUENCY = _read("frequency")
LEAVE = _read("leave")
OPENS_BY_CAMPAIGN = _REACTED.replace("{kind}", "open")
CLICKS_BY_CAMPAIGN = _REACTED.replace("{kind}", "click")
LOSE_INTEREST = _read("lose_interest")

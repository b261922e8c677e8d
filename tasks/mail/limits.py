"""From when bounces and complaints are judged, and how: the same whoever counts them."""

from __future__ import annotations

from tasks.model import Threshold

HARD_BOUNCES = Threshold(
    warn=0.02,
    bad=0.05,
    because="Owner: the mail provider. Amazon SES reviews a sender at 5 % and pauses it at 10 %, smaller ones warn at "
    "4 to 5 % and pause at 8 %: whoever stops at 10 % (seed S0) is stopped before.",
)
BLOCKED_BOUNCES = Threshold(
    warn=0.02,
    bad=0.05,
    because="Owner: the mail provider. A block is about the content or the sender, not about the address; seed S1, "
    "runbook 2, stops all sending on it. The limits are those of hard bounces, for want of published ones.",
)

# Of fewer mails one reader moves the rate by half a percent.
LEAST_MAILS = 200
# Of fewer, one complaint may be 0.02 to 0.56 %.
LEAST_FOR_COMPLAINTS = 1000

#!/usr/bin/env bash
# Python's email package splits only message/delivery-status into its blocks. The same report about an internationalized
# message (message/global-delivery-status) is one block, and what happened to each recipient is that block's text.
#
# Versions: Python 3.11.7 (its own email package), flufl.bounce 6.0.0 from PyPI, which reads bounces by it.
# Source:   email/feedparser.py (`_parsegen` has a branch for message/delivery-status only); RFC 6533, section 3.
# Guess:    RFC 6533 says the new type has the same format, so `part.get_payload()` is a list of blocks as before: one
#           about the message, one for each recipient; and flufl.bounce finds the address that failed.
# Seen:     three blocks for the old type; for the new one a single block whose body holds the recipients' fields, with
#           no defect noted; flufl.bounce finds no address at all, as in a mail that is no bounce. What works: take the
#           part's own text, and parse it again, block by block, as headers.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, flufl.bounce cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check flufl.bounce==6.0.0 2>/dev/null ||
    { echo "needs flufl.bounce 6.0.0 from PyPI"; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import email
import email.policy
import sys

from flufl.bounce import all_failures

REPORT = """\
From: Mail Delivery System <mailer-daemon@mx.example>
To: sender@shop.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type={report}; boundary="part"

--part
Content-Type: text/plain

It could not be delivered.
--part
Content-Type: message/{report}

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; gone@customer.example
Action: failed
Status: 5.1.1

Final-Recipient: rfc822; full@customer.example
Action: delayed
Status: 4.2.2

--part--
"""


def seen(report: str) -> tuple[int, list[str], list[str], int]:
    """How many blocks, the fields of the last, which addresses failed for good, and how many defects are noted."""
    message = email.message_from_string(REPORT.format(report=report), policy=email.policy.default)
    part = message.get_payload()[1]
    blocks = part.get_payload()
    failed = all_failures(email.message_from_string(REPORT.format(report=report)))[1]
    return len(blocks), blocks[-1].keys(), sorted(map(bytes.decode, failed)), len(message.defects + part.defects)


old, new = seen("delivery-status"), seen("global-delivery-status")
for name, (blocks, fields, failed, defects) in (("old", old), ("new", new)):
    print(f"{name} type: {blocks} block(s), the last with {fields}; failed: {failed}; defects: {defects}")
recipient = ["Final-Recipient", "Action", "Status"]
sys.exit((old, new) != ((3, recipient, ["gone@customer.example"], 0), (1, ["Reporting-MTA"], [], 0)))
PY

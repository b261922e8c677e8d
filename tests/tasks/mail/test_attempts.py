"""What one wrong password costs: an attempt for each run that asks, however many of its questions need a login."""

from __future__ import annotations

import subprocess
import sys

from tests.tasks.mail.servers import USER, post_office

# A run is a process of its own, as the worker starts them: five questions, of which two come as far as the login.
RUN = """
import sys
from tasks.smtp import checks
from tasks.smtp.system import SmtpServer
user = sys.argv[2]
smtp = SmtpServer(
    host="127.0.0.1", port=int(sys.argv[1]), security="none", username=user, password="wrong", sender=user, limit_s=15
)
asked = (
    checks.check_smtp_connect,
    checks.check_smtp_tls,
    checks.check_smtp_certificate,
    checks.check_smtp_login,
    checks.check_smtp_sender_accepted,
)
print([one.fn(smtp).verdict.name for one in asked].count("OK"))
"""


def test_each_run_costs_one_attempt_whatever_it_asks() -> None:
    """And no less: what was refused is remembered in a process, and in no file that a thief could try words against."""
    with post_office() as post:
        for runs in (1, 2):
            told = subprocess.run(
                [sys.executable, "-c", RUN, str(post.port), USER], check=True, capture_output=True, text=True
            )
            assert told.stdout.split() == ["3"]
            assert len(post.attempts) == runs

"""What we ask PagerDuty."""

from __future__ import annotations

from tasks.alerting import answers
from tasks.check import check
from tasks.model import Finding
from tasks.pagerduty.system import PagerDutyApi


@check
def check_pagerduty_key(pagerduty: PagerDutyApi) -> Finding:
    """Does PagerDuty take our integration key?

    Its Events API has nothing that can be read. It is told that an alert is over which never began: nobody is paged by
    that, and nothing changes.
    """
    return answers(pagerduty.known_as)

"""What we ask Slack."""

from __future__ import annotations

from tasks.alerting import answers
from tasks.check import check
from tasks.model import Finding
from tasks.slack.system import SlackApi


@check
def check_slack_token(slack: SlackApi) -> Finding:
    """Does Slack take our token, for messages?

    Nothing is posted. Whether a channel takes us is not asked: only a message tells.
    """
    return answers(slack.known_as)

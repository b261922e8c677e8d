"""What we ask Alertmanager."""

from __future__ import annotations

from tasks.alerting import answers
from tasks.alertmanager.system import AlertmanagerApi
from tasks.check import check
from tasks.model import Finding


@check
def check_alertmanager_answers(alertmanager: AlertmanagerApi) -> Finding:
    """Does Alertmanager answer, and let us in?

    Whether its alerts arrive here is another question: monitoring/alert-configuration asks it.
    """
    return answers(alertmanager.known_as)

"""Alerts are sent, and do not arrive: a wrong secret, a closed way, nothing that opens what they are about."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.intake.actions import PutSenderSecret, TestRefused, TestSilent
from tasks.intake.checks import (
    check_alert_intake,
    check_alert_refusals,
    check_alert_sources,
    check_runbooks_reached,
)
from tasks.intake.faults import WrongSecret

runbook = Runbook(
    title="Alerts do not arrive",
    problem=(
        "What monitoring sends is refused, or does not reach our intake at all: a secret was changed on one side, a "
        "proxy drops a header, a certificate ran out. Nothing opens then, and the quiet looks like health."
    ),
    severity=Severity.P1,
    keywords=(
        "alerts",
        "alert configuration",
        "webhook",
        "webhook secret",
        "signature",
        "401",
        "unauthorized",
        "monitoring",
        "intake",
        "test alert",
        "alert routing",
        "no alerts",
        "client secret",
        "hmac",
    ),
    symptoms=(
        Symptom(alert="AlertsRefused"),
        Symptom(alert="WebhookDeliveryFailed"),
        Symptom(heard="Sentry says that our webhook fails."),
        Symptom(heard="Something was down, and no incident was opened."),
        Symptom(heard="We have changed the webhook's secret."),
    ),
    diagnosis=(
        check_alert_intake,
        check_alert_refusals,
        check_alert_sources,
        check_runbooks_reached,
    ),
    resolution=(
        Manual(
            "Open the way to the intake",
            when=check_alert_intake,
            how="""\
Follow it from our end, and stop at the first that fails:

1. does the intake run? `incident doctor` says where it listens; its log is the stack's `intake.log`;
2. does it answer at its own port, on its own machine? curl -i http://127.0.0.1:4280/health
3. does the proxy before it? curl -i https://YOUR-ADDRESS/health; 502 is the proxy's, a certificate that has ended too;
4. is the name right, and the same at every sender?

The proxy must hand on POST /alerts/… with its body as it came and with every header, and answer no redirect: a sender
follows one without the body, and believes that it delivered.""",
        ),
        Step(PutSenderSecret(), when=check_alert_refusals),
        Step(TestRefused(), when=check_alert_refusals),
        Manual(
            "Repair the route of the source that is refused",
            when=check_alert_refusals,
            how="""\
The rows above say whose, why, since when, and what its secret is over there. “no valid proof” is a secret that differs:

1. take the fingerprint of the secret that the sender has: printf %s "$SECRET" | sha256sum, the first eight digits;
2. it is not the one above: give the sender the configured secret, or put the sender's new one under [alerts.sources].
   While both are in use: secret = ["${NEW}", "${OLD}"]. Then start the intake anew: incident up;
3. it is: something between changes the body or drops the header. A test alert that arrives says that it is not the way
   from here; compare with how the sender's own network reaches us.

“too old” is a clock, ours or theirs. “unreadable” is a delivery that is not as the vendor documents it: the intake's
log says more. Have the sender send again what was refused; most list failed deliveries with a button.""",
        ),
        Step(TestSilent(), when=check_alert_sources),
        Manual(
            "Ask whether a silent source still watches anything",
            when=check_alert_sources,
            how="""\
A test alert shows that the way is free, not that anybody uses it. Look at the sender: are its rules there and switched
on, does its webhook still name our address, did it give us up after too many failures (Sentry ends a webhook that
timed out a thousand times within a day)? Take a source away that is not in use any more.""",
        ),
    ),
    # Senders try again within a minute or five.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=15)),
    prevention=(
        # A restart of the intake's takes seconds; senders wait for it.
        Watch(check_alert_intake, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_alert_refusals, every=timedelta(minutes=5)),
        Watch(check_alert_sources, every=timedelta(days=1)),
        Watch(check_runbooks_reached, every=timedelta(days=1)),
    ),
    related=("security/checklist", "health/weekly"),
    drills=(Drill(fault=WrongSecret(), noticed_by=check_alert_refusals, resolved_by=PutSenderSecret),),
)

"""Mails show a token where a name should stand, or would: a lead without a name, a template that nobody filled."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.content.actions import HoldCampaigns, WithdrawIncompleteLeads
from tasks.application.content.checks import check_incomplete_leads, check_unreplaced_tokens
from tasks.application.content.faults import ForgetNames

runbook = Runbook(
    title="Mails show a token instead of a name",
    problem=(
        "A mail says 'Hello {{first_name}}', or 'Hello ,': the template names a field that nothing fills, or the lead "
        "has none. Everybody it goes to sees it, and the next run of the sender goes to the rest."
    ),
    severity=Severity.P2,
    keywords=(
        "token",
        "tokens",
        "personalization",
        "personalisation",
        "placeholder",
        "merge tag",
        "template",
        "first_name",
        "missing name",
        "{{",
        "email",
    ),
    symptoms=(
        Symptom(alert="UnreplacedTokens"),
        Symptom(heard="A reader forwards a mail that says 'Hello {{first_name}}'."),
        Symptom(heard="Mails go out with 'Hello ,' or 'Hello null'."),
    ),
    diagnosis=(check_unreplaced_tokens, check_incomplete_leads),
    resolution=(
        Step(HoldCampaigns(), when=check_unreplaced_tokens),
        Manual(
            "Mend the template",
            when=check_unreplaced_tokens,
            how="""\
The finding names the token and the campaign. Either it is misspelt (compare with the fields a lead has), or this
template language writes tokens otherwise ({{name}}, {name}, %name%, *|NAME|*), or the field is empty for some leads:
then say in the template what stands there without it. Send the mended one to yourself as a lead without a name and as
one with a long one. Then resume the campaign (the undo of the step above), and write the withdrawn mails anew: those in
the record hold the old text.""",
        ),
        Manual(
            "Fill in what the leads lack",
            when=check_incomplete_leads,
            how="""\
Before they are withdrawn, see whether the name is known elsewhere: the CRM, the sign-up, an answer. Fill it in there
where it is kept, and let the sync bring it; never guess it from the address. Then the next step has fewer leads, or
none. What cannot be found is withdrawn by it.""",
        ),
        Step(WithdrawIncompleteLeads(), when=check_incomplete_leads),
        Manual(
            "Keep incomplete leads from coming in",
            when=check_incomplete_leads,
            how="""\
Look where they came from: a form whose field is optional, an import with another column. Ask for the name where it is
needed, or enrol only who has one; and give every template a greeting that stands without a name.""",
        ),
    ),
    # The rows hold their new values when the step commits; half a minute shows whether a job writes the old ones again.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    prevention=(
        Watch(check_unreplaced_tokens, every=timedelta(minutes=15)),
        Watch(check_incomplete_leads, every=timedelta(hours=1)),
    ),
    related=("email/high-unsubscribe-rate",),
    drills=(Drill(fault=ForgetNames(), noticed_by=check_incomplete_leads, resolved_by=WithdrawIncompleteLeads),),
)

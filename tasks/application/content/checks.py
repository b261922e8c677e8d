"""What we ask an application's database about what mails say: unfilled tokens, and leads that lack what fills them."""

from __future__ import annotations

from datetime import timedelta

from tasks.application.content.queries import INCOMPLETE, TOKENS_QUEUED, TOKENS_SENT
from tasks.application.system import ApplicationDatabase
from tasks.check import check
from tasks.model import Finding, Row, Threshold
from tasks.postgres.values import number
from tasks.postgres.words import count

# The beginning of each is read: tokens stand in the subject and in the greeting, and a body may be megabytes.
SUBJECT_CHARACTERS = 400
BODY_CHARACTERS = 20_000
# So many of each: half a minute of text at most.
MOST_MAILS = 2000
PATIENCE_S = 30.0
SENT_WITHIN = timedelta(hours=24)
SHOWN = 20

UNREPLACED = Threshold(
    warn=0.5,
    bad=1,
    because="Owner: who writes the campaigns. 'Hello {{first_name}}' is read by everybody it goes to, and the next run "
    "of the sender goes to the rest. There is no half a mail: any is BAD.",
)
INCOMPLETE_LEADS = Threshold(
    warn=0.5,
    bad=1,
    because="Owner: who takes leads in. The next mail to such a lead shows the token, greets nobody, or goes nowhere. "
    "Where templates say what to do without a name, set a limit of your own.",
)


def unreplaced(application: ApplicationDatabase, *, queued: bool) -> list[Row]:
    """Mails of running campaigns with a token in them: key, status, campaign, name, token.

    Of those that wait to be sent, or of those of 24 hours; MOST_MAILS of them are read.

    Raises:
        CannotLook, Refused: no answer, or a name is not mapped.
    """
    given: dict[str, object] = {} if queued else {"since": application.now() - SENT_WITHIN}
    return application.patient(PATIENCE_S).rows(
        TOKENS_QUEUED if queued else TOKENS_SENT,
        subject=SUBJECT_CHARACTERS,
        body=BODY_CHARACTERS,
        most=MOST_MAILS,
        **given,
    )


def incomplete(application: ApplicationDatabase, most: int) -> list[Row]:
    """Leads that still get mail and have no address or no name: lead, no_address, no_name, enrolments, `total`.

    Raises:
        CannotLook, Refused: no answer, or a name is not mapped.
    """
    return application.patient(PATIENCE_S).rows(INCOMPLETE, most=most)


@check(limit=timedelta(seconds=3 * PATIENCE_S))
def check_unreplaced_tokens(application: ApplicationDatabase, tokens: Threshold = UNREPLACED) -> Finding:
    """Does a mail show a token where a name should stand?

    `{{name}}`, `{name}`, `%name%` and `*|NAME|*` in subject and body of mails of running campaigns: of those that wait
    to be sent, and of those of the last 24 hours, two thousand each. A campaign that is held is answered for.
    """
    queued, sent = unreplaced(application, queued=True), unreplaced(application, queued=False)

    total = len(queued) + len(sent)
    campaigns = {str(row["campaign"]): row for row in [*queued, *sent]}
    says = f"{count(len(queued), 'queued mail')} and {len(sent):,} of the last 24 h show a token"
    if campaigns:
        first = next(iter(campaigns.values()))
        says += f", in {count(len(campaigns), 'running campaign')}: {first['token']!r} in {_named(first)}"
    return Finding(
        verdict=tokens.judge(total),
        says=f"{says}. At most {MOST_MAILS:,} of each were read.",
        value=float(total),
        unit="mails",
        facts={"queued": len(queued), "sent": len(sent), "campaigns": len(campaigns)},
        rows=[{"campaign": _named(row), "token": row["token"], "mail": row["key"]} for row in campaigns.values()][
            :SHOWN
        ],
    )


@check(limit=timedelta(seconds=2 * PATIENCE_S))
def check_incomplete_leads(application: ApplicationDatabase, leads: Threshold = INCOMPLETE_LEADS) -> Finding:
    """Does any lead that gets mail lack a name or an address?

    NULL, empty, and blanks of every kind. Leads without an enrolment that goes on are left out.
    """
    rows = incomplete(application, SHOWN)

    total = int(number(rows[0]["total"])) if rows else 0
    return Finding(
        verdict=leads.judge(total),
        says=f"{count(total, 'lead')} that {'gets' if total < 2 else 'get'} mail {'has' if total < 2 else 'have'} no "
        "name or no address.",
        value=float(total),
        unit="leads",
        rows=[{name: row[name] for name in row if name != "total"} for row in rows],
    )


def _named(row: Row) -> str:
    return f"{row.get('name') or 'campaign'} ({row['campaign']})"

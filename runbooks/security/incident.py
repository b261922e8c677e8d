"""Somebody tries to get in, or is in: keep evidence, get them out, tell whoever has to know."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.access.checks import check_account_spread
from tasks.blocking.actions import BlockAttackers
from tasks.blocking.checks import check_accounts_tried, check_attackers
from tasks.blocking.faults import GuessPasswords
from tasks.containment.actions import DisableKeysOfIntruders, RevokeIntruders
from tasks.containment.checks import check_intruders
from tasks.evidence.actions import KeepEvidence
from tasks.evidence.checks import check_evidence_kept
from tasks.exposed.checks import check_exposed_secrets
from tasks.logs.access import check_log_guessed, check_log_limited
from tasks.mail_provider.access.checks import check_mail_provider_key
from tasks.vulnerabilities.checks import check_vulnerabilities
from tasks.website.certificates.checks import check_website_certificates

runbook = Runbook(
    title="Somebody tries to get in, or is in",
    problem=(
        "Passwords are tried, an account is used by somebody else, or a key is known that must not be. Whoever is in "
        "stays in until every login and every key of theirs is ended, and what they did is known only by what is kept: "
        "logs are turned away, and a restart erases what memory holds. So evidence is kept first, nothing is contained "
        "before a person has approved it, and a false alarm costs nothing."
    ),
    severity=Severity.P0,
    keywords=(
        "security",
        "security incident",
        "breach",
        "break-in",
        "brute force",
        "credential stuffing",
        "password spraying",
        "failed logins",
        "suspicious activity",
        "account takeover",
        "hijacked",
        "unauthorized access",
        "leaked key",
        "exposed secret",
        "revoke sessions",
        "rotate keys",
        "block ip",
        "evidence",
        "forensics",
        "chain of custody",
        "gdpr",
    ),
    symptoms=(
        Symptom(alert="SecurityIncident"),
        Symptom(alert="BruteForceLogin"),
        Symptom(alert="SuspiciousLogin"),
        Symptom(alert="SecretExposed"),
        Symptom(heard="Hundreds of logins fail from one address."),
        Symptom(heard="A customer sees a login that was not theirs."),
        Symptom(heard="A key of ours stands in a public repository."),
        Symptom(heard="Somebody writes that they have our data."),
    ),
    diagnosis=(
        check_evidence_kept,
        check_attackers,
        check_accounts_tried,
        check_log_guessed,
        check_intruders,
        check_account_spread,
        check_log_limited,
        check_exposed_secrets,
        check_vulnerabilities,
        check_website_certificates,
        check_mail_provider_key,
    ),
    resolution=(
        Step(KeepEvidence(), when=check_attackers, at_once=True),
        Step(BlockAttackers(), when=check_attackers),
        Step(RevokeIntruders(), when=check_intruders),
        Step(DisableKeysOfIntruders(), when=check_intruders),
        Manual(
            "Keep what no copy of a log holds",
            when=check_intruders,
            quotes=(check_evidence_kept,),
            how="""\
Somebody is in. Before any machine is restarted, rebuilt or updated:

1. take a snapshot of its disk, and of its memory where your provider can, and write down who took it and when;
2. copy the records of others that run out: identity provider, hosting, repository, mail provider, DNS;
3. one person holds the copies. Whoever hands one on writes down to whom, when and why.

The copies of the logs lie in the evidence folder with their hashes; the record of this incident holds the same hashes.
`sha256sum FILE` has to give what stands there.""",
        ),
        Manual(
            "Give the accounts new passwords that were guessed",
            when=check_log_guessed,
            quotes=(check_log_guessed,),
            how="""\
Whoever was let in after many refusals knows the password: a block and a log-out do not change that.

1. Lock the account, or give it a new password, where the application does that; ask for a second factor from now on.
2. playbooks/contain-account logs it out everywhere and disables its API keys.
3. What was done from there since? The application's own record of changes; mails sent, exports, rights given,
   forwarding rules and new keys first.
4. Is the same password known elsewhere? Ask its owner by telephone, not by mail.""",
        ),
        Manual(
            "Look whose account is used from so many places",
            when=check_account_spread,
            quotes=(check_account_spread,),
            how="""\
An account that is shared looks like one that is stolen. Ask its owner by telephone. If it is not them:
playbooks/contain-account. If it is: a program with a login of its own gets an API key, a team gets accounts.""",
        ),
        Manual(
            "Rotate the secrets that stand in a repository",
            when=check_exposed_secrets,
            quotes=(check_exposed_secrets,),
            how="""\
The rows above name file, line and kind; the secret itself is nowhere here, and belongs in no message.

1. Make a new one, give it to whoever uses it, then revoke the old one; those that were tried and work first.
2. Ask its vendor for what was done with it since the commit: logs, invoices, new keys, new users.
3. Taking the line out, or rewriting history, comes last: whoever has a copy has the secret.
4. What is no secret, an example in a test, is accepted by its fingerprint: `accepted` under `exposed_secrets`.""",
        ),
        Manual(
            "Close the way they may have come in",
            when=check_vulnerabilities,
            quotes=(check_vulnerabilities,),
            how="""\
A weakness that can be reached from outside, has a version that mends it, and was known before this began, comes first.
What runs is an image: raise the version in the lock file, have CI rebuild the image, deploy it, and have the scanner
look at the new one. An update in a checkout does not reach what runs. Keep a snapshot of the old machine first.""",
        ),
        Manual(
            "Rotate what may be known",
            when=check_intruders,
            how="""\
What the accounts above could read is known. In this order, a new one first, then the old one revoked:

1. keys that can change or pay: database, hosting, DNS, payment, the mail provider;
2. the secret that signs sessions: a new one logs everybody out, which is meant;
3. keys of the services whose data went through there.

Where this environment has a spare key, email/delivery-failures and the vendors' runbooks put it in place and back.
A secret that was ever written to a repository is known, whether or not the line was removed.""",
        ),
        Manual(
            "Tell whoever has to know",
            when=check_attackers,
            quotes=(check_attackers, check_log_guessed, check_intruders),
            how="""\
Not on the status page first: whoever is in reads it, too. First by telephone: who is responsible for security, who
decides, who may speak for you.

Within: "Since TIME somebody [tries passwords / is logged in] from NETWORK. We have [kept evidence, blocked, logged
out]. We do not know yet: … Please do not restart or clean up anything. Next word at TIME."

Whose data it is: what happened, since when and until when, which data, what you have done, what they should do
themselves (a new password), whom they can ask. No guesses, and no "we take security seriously".

The law has clocks that run from when you knew. Under the GDPR (articles 33 and 34) a breach of personal data is told to
the authority within 72 hours, unless it is unlikely to be a risk to anybody, and to people themselves where the risk is
high. Contracts often say 24 hours. Who decides that is not whoever is on call: ask now, and write the moment down.""",
        ),
        Manual(
            "Learn",
            when=check_attackers,
            how="""\
Within a week, without blame: how they came in, since when, how it was noticed and how else it might have been, what
kept them from more. `incident timeline` has the moments to the second.

Each answer becomes something that acts: a limit, a second factor, a check here, a right taken away. Was it a false
alarm? Then say which limit was too low, and change it with its reason.""",
        ),
    ),
    # A minute after a block, refused logins from there say that it does not hold.
    verification=Verify(hold=timedelta(minutes=5), within=timedelta(minutes=30)),
    prevention=(
        Watch(check_attackers, every=timedelta(minutes=5)),
        Watch(check_accounts_tried, every=timedelta(minutes=5)),
        Watch(check_log_guessed, every=timedelta(minutes=5)),
        Watch(check_intruders, every=timedelta(minutes=5)),
        Watch(check_account_spread, every=timedelta(minutes=15)),
    ),
    related=("security/checklist", "security/checklist-weekly", "maintenance/blocks", "playbooks/contain-account"),
    drills=(Drill(fault=GuessPasswords(), noticed_by=check_attackers, resolved_by=BlockAttackers),),
)

"""One account is used by somebody else: log it out everywhere, and disable its API keys."""

from datetime import timedelta
from typing import Annotated

from pydantic import StringConstraints

from runbooks.model import Manual, Step, Verify
from runbooks.parameter import Parameter
from runbooks.playbook import Playbook
from tasks.containment.actions import DisableKeys, RevokeSessions
from tasks.containment.checks import check_account_contained, check_account_known

# Of an id no more than what finds its rows: no space, no sign that a shell or a page takes for its own.
Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9@._+-]{1,200}$")]

ACCOUNT = Parameter(name="account", says="The account's id, as the application's sessions have it.", type=Account)

playbook = Playbook(
    title="Get somebody out of one account",
    purpose=(
        "Logs one account out everywhere and disables its API keys: exactly those that count now, each by its id, and "
        "each can be brought back. Keys of your own services (`ours`) are never disabled."
    ),
    keywords=("account takeover", "hijacked account", "revoke sessions", "log out", "disable api key", "lost laptop"),
    parameters=(ACCOUNT,),
    prerequisites=(check_account_known,),
    steps=(
        Manual(
            "Lock the account, or give it a new password",
            how="""\
First, or whoever knows the password is in again a second after. Where the application does that; ask for a second
factor from now on. Sign off when the old password is refused.""",
        ),
        Step(RevokeSessions()),
        Step(DisableKeys()),
        Manual(
            "Tell its owner",
            how="""\
By telephone, not by mail: the mailbox may be lost, too. What happened, what you did, what they have to do: a new
password, a second factor, new API keys for their programs. Sign off when they have understood it.""",
        ),
    ),
    success=(check_account_contained,),
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=10)),
    related=("security/incident",),
)

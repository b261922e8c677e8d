"""Is the server's session ours, or does a pooler give it to others between our transactions?"""

from __future__ import annotations

from collections.abc import Callable

from tasks.model import CannotLook, Refused
from tasks.postgres.refusals import Place
from tasks.postgres.session import Session

# Each round shows a transaction pooler's hand unless it deals the same server twice by chance.
ROUNDS = 5


def refuse_transaction_pooler(place: Place, session: Session, another: Callable[[], Session]) -> None:
    """Make sure that `session`, in a transaction that only reads, comes to the same server process each time.

    1. A direct connection was told its server's pid when it came, a pooler's client a made-up one.
    2. Behind a pooler, `another` client comes while we rest. Pooled by transaction, it is given the very server that
       just answered us, or our next answer comes from another one.

    Raises:
        Refused: the server changes from transaction to transaction.
        CannotLook: no answer.
    """
    if session.direct:
        return
    ours = session.backend()
    for _ in range(ROUNDS):
        session.rest()
        theirs = _backend(another)
        if not session.wake():
            raise CannotLook(f"{place} ended our connection.")
        before, ours = ours, session.backend()
        if theirs == before or ours != before:
            raise Refused(
                f"{place} leads to a pooler that gives out the server by transaction: what we would set for one "
                "statement (a time limit, where names are looked up) would be the next client's, and VACUUM, CREATE "
                "INDEX CONCURRENTLY and a drill's open transaction need a session of their own.",
                remedy="Give action_url (drill_url) the server's own address, past the pooler, often port 5432; or a "
                "pool with pool_mode = session.",
            )


def _backend(another: Callable[[], Session]) -> int | None:
    """The process that answers another client; None when there is none for it: ours is kept for us."""
    try:
        with another() as session:
            return session.backend()
    except CannotLook:
        return None

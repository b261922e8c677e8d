"""How rebuilds are done: one after the other, as long as there is time; told by the file a thing is in afterwards."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from tasks import deadline
from tasks.amounts import size
from tasks.how_far import watched
from tasks.model import CannotLook, Command, Json, Outcome, Plan, Refused, Row
from tasks.postgres.long_acts import where
from tasks.postgres.system import PostgresServer
from tasks.postgres.tables.queries import TO_REBUILD
from tasks.postgres.values import number
from tasks.postgres.words import count, span

# How long the rebuild of this place takes, in seconds.
Estimate = Callable[[Row], float]
# What is to be cleared away after a rebuild that broke off.
Clear = Callable[[Command], None]


def places(postgres: PostgresServer, idents: Sequence[str]) -> dict[str, Row]:
    """What stands under these names, of those that are there.

    Raises:
        Refused: the acting role may not rebuild one of them.
        CannotLook: no answer.
    """
    rows = postgres.rows_as_actor(TO_REBUILD, idents=list(idents))
    closed = [row for row in rows if not row["may_maintain"]]
    if closed:
        raise Refused(
            f"{closed[0]['ident']} on {postgres.address} may be rebuilt by its owner only.",
            remedy="\n".join(dict.fromkeys(str(row["grant_owner"]) for row in closed))
            + "\nOn 17 and later GRANT pg_maintain is enough.",
        )
    return {str(row["ident"]): row for row in rows}


def command(verb: str, row: Row) -> Command:
    """The command that rebuilds what stands there; its target is the file it is in now."""
    kept: dict[str, Json] = {key: row[key] for key in ("ident", "schema", "table", "file")}
    return Command(line=f"{verb} {row['ident']};", target=kept)


def rebuild(
    postgres: PostgresServer, plan: Plan, lock_s: float, estimate: Estimate, clear: Clear | None = None
) -> Outcome:
    """Each of the plan's commands, unless it is done already or would not end in time.

    Raises:
        CannotLook, Refused: one failed, or did not end in time.
    """
    rows: list[Row] = []
    for one in plan.commands:
        ident = str(one.target["ident"])
        before = _bytes(postgres, ident)
        if rebuilt(postgres, one):
            rows.append({"name": ident, "fate": "rebuilt before"})
        elif why := _no_time(postgres, one, estimate):
            rows.append({"name": ident, "fate": f"left for the next time: {why}"})
        else:
            _run(postgres, one, lock_s, clear)
            rows.append({"name": ident, "fate": "rebuilt", "given_back": before - _bytes(postgres, ident)})
    left = [row for row in rows if str(row["fate"]).startswith("left")]
    rest = f" {len(left)} left for the next time." if left else ""
    back = size(sum(number(row.get("given_back")) for row in rows))
    return Outcome(
        says=f"{count(len(rows) - len(left), 'rebuild')} done, {back} given back.{rest}",
        complete=all(rebuilt(postgres, one) for one in plan.commands),
        rows=rows,
    )


def rebuilt(postgres: PostgresServer, one: Command) -> bool:
    """Is it in another file than when it was planned? What is gone needs nothing any more."""
    rows = postgres.rows(TO_REBUILD, idents=[one.target["ident"]])
    return not rows or rows[0]["file"] != one.target["file"]


def _bytes(postgres: PostgresServer, ident: str) -> float:
    rows = postgres.rows(TO_REBUILD, idents=[ident])
    return number(rows[0]["bytes"]) if rows else 0.0


def _no_time(postgres: PostgresServer, one: Command, estimate: Estimate) -> str:
    left_s = deadline.seconds_left()
    if left_s is None:
        return ""
    takes_s = estimate(places(postgres, [str(one.target["ident"])])[str(one.target["ident"])])
    return f"it takes about {span(takes_s)}, and {span(left_s)} are left" if takes_s > left_s else ""


def _run(postgres: PostgresServer, one: Command, lock_s: float, clear: Clear | None) -> None:
    look = functools.partial(where, postgres, str(one.target["schema"]), str(one.target["table"]))
    try:
        with watched(look):
            postgres.act_at_length(one.line, lock_s=lock_s)
    except CannotLook:
        if clear is not None:
            clear(one)
        raise

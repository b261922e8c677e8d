"""Logins that go on, and keys that programs come with: which there are, and exactly those ended and brought back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tasks.action import Action
from tasks.application.access.queries import HELD, KEYS_OF, LIVE, LIVE_OF, REVOKE
from tasks.application.exact import Change, PutBack, as_usual, refuse_unwritable
from tasks.application.system import ApplicationDatabase
from tasks.excerpt import excerpt
from tasks.logs.origin import Network, masked, written
from tasks.model import BlastRadius, Command, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.along import written_since
from tasks.postgres.refusals import quoted
from tasks.postgres.words import count

# Within so long a login counts as used now.
LATELY = timedelta(hours=1)
# Of more nobody could judge which are whose.
MOST_READ = 20_000
# Each is a line of the plan.
MOST_ENDED = 500
# A session's token is long and random; an id that is one would be shown to everybody who reads the record.
LONG_ID = 24
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
SESSIONS, KEYS = "sessions", "api_keys"
WHOSE = {SESSIONS: "user", KEYS: "owner"}
NOUNS = {SESSIONS: "logins", KEYS: "API keys"}


@dataclass(frozen=True, kw_only=True)
class Login:
    """A session or a key that counts, and whose it is."""

    part: str
    id: str
    account: str
    address: Network | None = None
    row: Row

    @property
    def shown(self) -> Row:
        """For people: an account that is a mail address is masked, and what an application wrote is quoted."""
        told = {name: excerpt(str(value), 60) for name, value in self.row.items() if value is not None}
        return {**told, "account": named(self.account)}


def named(account: str) -> str:
    """An account's id as it may be shown."""
    return masked(account) if "@" in account else excerpt(account, 60)


def is_ours(application: ApplicationDatabase, key: str, account: str) -> bool:
    """Is the API key one of the team's own services, by its id or by its owner?"""
    mapped = application.api_keys
    return mapped is not None and bool({key, account} & set(mapped.ours))


def lately(application: ApplicationDatabase) -> list[Login]:
    """The logins that were used within the last hour.

    Raises:
        Refused: they are not mapped, or their ids are tokens. CannotLook: no answer, or too many.
    """
    return _read(application, SESSIONS, LIVE, since=application.now() - LATELY)


def of(application: ApplicationDatabase, part: str, accounts: Sequence[str]) -> list[Login]:
    """The sessions, or the keys, of these accounts that count.

    Raises:
        Refused: they are not mapped, or their ids are tokens. CannotLook: no answer, or too many.
    """
    return _read(application, part, LIVE_OF if part == SESSIONS else KEYS_OF, accounts=list(accounts))


def _read(application: ApplicationDatabase, part: str, query: str, **given: object) -> list[Login]:
    rows = application.rows(query, **given, most=MOST_READ + 1)
    if len(rows) > MOST_READ:
        raise Refused(f"More than {MOST_READ:,} {NOUNS[part]} count: which are whose is not judged here.")
    if token := next((row for row in rows if _is_token(str(row["id"]))), None):
        raise Refused(
            f"{part}.id is long and random, like {len(str(token['id']))} characters of a token: it would be shown.",
            remedy="Map a column that is no secret, or add one: ALTER TABLE … ADD COLUMN number bigint "
            "GENERATED ALWAYS AS IDENTITY UNIQUE;",
        )
    return [
        Login(
            part=part,
            id=str(row["id"]),
            account=str(row["account"]),
            address=written(str(row["address"])) if row.get("address") else None,
            row=row,
        )
        for row in rows
    ]


def _is_token(text: str) -> bool:
    return len(text) >= LONG_ID and not text.isdigit() and not _UUID.fullmatch(text)


def planned(
    application: ApplicationDatabase, part: str, chosen: Sequence[Login], does: str, total: int, risk: Risk
) -> Plan:
    """To end exactly these, by their ids.

    Raises:
        Refused: too many at once, or the role that acts may not. CannotLook: no answer.
    """
    noun = NOUNS[part]
    if len(chosen) > MOST_ENDED:
        raise Refused(
            f"{len(chosen):,} {noun} would be ended, and each is shown before it is: {MOST_ENDED} at most.",
            remedy="End all at once where the application itself does: change its session secret.",
        )
    if chosen:
        refuse_unwritable(application, part, ["revoked_at"])
    schema, table, key = application.column(f"{part}.id")
    place, column = f"{quoted(schema)}.{quoted(table)}", quoted(application.column(f"{part}.revoked_at")[2])
    return Plan(
        does=does if chosen else f"Nothing to do: none of these {noun} count.",
        commands=tuple(
            Command(
                # Shown, never run: `revoke.sql` is.
                line=f"UPDATE {place} SET {column} = now() "  # noqa: S608
                f"WHERE {quoted(key)} = {_literal(one.id)} AND {column} IS NULL;",
                target={"part": part, "key": one.id},
            )
            for one in chosen
        ),
        blast_radius=BlastRadius(touched=len(chosen), total=max(total, len(chosen)), noun=noun),
        risk=risk,
        loses="Whoever is logged in there has to log in again." if part == SESSIONS else "Programs with them stop.",
        evidence=[one.shown for one in chosen[:20]],
    )


def end(application: ApplicationDatabase, plan: Plan) -> Outcome:
    """End them, all in one transaction; what somebody else has ended by then is left as it is.

    Raises:
        Refused: more rows would be changed than were planned; nothing was. CannotLook: no answer; then it may or may
            not have happened.
    """
    part, keys = _of_plan(plan)
    with application.server.transaction() as session:
        as_usual(session)
        before = written_since(session)
        rows = session.run(_filled(application, part, REVOKE), rows=_as_rows(application, part, keys))
        done = {str(row["key"]): str(row["revoked_at"]) for row in rows}
        beyond = sum((written_since(session, before)).values()) - len(rows)
        if len(done) < len(rows) or not done.keys() <= set(keys) or beyond > 0:
            raise Refused(f"More than the {len(keys):,} planned rows would be changed. Nothing was.")
    left = [command.target for command in plan.commands if str(command.target["key"]) not in done]
    gone = f" {count(len(left), 'was' if len(left) == 1 else 'were')} ended or gone already." if left else ""
    return Outcome(
        says=f"{len(done):,} of {len(keys):,} {NOUNS[part]} ended.{gone}",
        complete=True,
        rows=[{"part": part, "key": key, "revoked_at": since} for key, since in done.items()],
        not_done=left,
    )


def ended(application: ApplicationDatabase, plan: Plan) -> bool:
    """Does none of them count any more?

    Raises:
        CannotLook, Refused: no answer.
    """
    return not any(row["revoked_at"] is None for row in held(application, plan))


def held(application: ApplicationDatabase, plan: Plan) -> list[Row]:
    """What the rows of a plan hold now: key, revoked_at and account.

    Raises:
        CannotLook, Refused: no answer.
    """
    part, keys = _of_plan(plan)
    return application.server.rows(_filled(application, part, HELD), rows=_as_rows(application, part, keys))


def brought_back(plan: Plan, outcome: Outcome) -> Action:
    """What lets exactly those count again that were ended, as far as they hold the moment that we wrote."""
    part, keys = _of_plan(plan)
    since = {str(row["key"]): str(row["revoked_at"]) for row in outcome.rows if row.get("part") == part}
    changes = [
        Change(part=part, key=key, was={"revoked_at": None}, to={"revoked_at": since[key]})
        for key in keys
        if key in since
    ]
    return PutBack(changes, NOUNS[part])


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _of_plan(plan: Plan) -> tuple[str, list[str]]:
    parts = {str(command.target["part"]) for command in plan.commands}
    if len(parts) != 1 or not parts <= NOUNS.keys():
        raise Refused("The plan names no part of the application, or several.")
    return parts.pop(), [str(command.target["key"]) for command in plan.commands]


def _filled(application: ApplicationDatabase, part: str, query: str) -> str:
    return application.filled(query.replace("{part}", part).replace("{whose}", WHOSE[part]))


def _as_rows(application: ApplicationDatabase, part: str, keys: Sequence[str]) -> str:
    column = application.column(f"{part}.id")[2]
    return json.dumps([{column: key} for key in keys])

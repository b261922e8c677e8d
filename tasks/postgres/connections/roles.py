"""Let a role in again: raise its connection limit, or give it the password our configuration holds."""

from __future__ import annotations

import math

from pydantic import SecretStr

from tasks.action import Action
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.connections.checks import LIMIT_TAKEN
from tasks.postgres.connections.knocks import Knock, knock_all
from tasks.postgres.connections.queries import CONNECTION_SLOTS, LOGIN_ROLE, ROLE_LIMITS, SET_PASSWORD
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import password_of, place_of
from tasks.postgres.values import number

# Enough to end the emergency, and not so much that nobody looks why it was needed.
RAISE_BY = 1.5


class _RoleLimit(Action):
    """A role's connection limit is set as its plan says, and set back."""

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        for planned in plan.commands:
            # The line was made from the server's own quoting of the name, and a number of ours.
            postgres.act(planned.line.replace("%", "%%"))
        told = [
            f"{planned.target['role']}: {planned.target['old']} → {planned.target['new']}" for planned in plan.commands
        ]
        return Outcome(says=f"Set the connection limit of {', '.join(told)}.", complete=True)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        now = [(postgres.rows_as_actor(LOGIN_ROLE, role=c.target["role"]), c.target["new"]) for c in plan.commands]
        return all(rows and rows[0]["limit"] == new for rows, new in now)

    def undo(self, plan: Plan, _: Outcome) -> Action:
        """Set the limit to what it was."""
        target = plan.commands[0].target
        return SetRoleLimit(str(target["role"]), int(number(target["old"])))


class RaiseRoleLimit(_RoleLimit):
    """Raise the connection limit of the role that has used it up.

    By half, never beyond the slots that are open to all roles. It holds at once, for new sessions.
    """

    def plan(self, postgres: PostgresServer, taken: Threshold = LIMIT_TAKEN) -> Plan:
        slots = postgres.rows_as_actor(CONNECTION_SLOTS)[0]
        limits = postgres.rows_as_actor(ROLE_LIMITS)
        if not limits or number(limits[0]["sessions"]) < taken.warn * number(limits[0]["limit"]):
            return _limit_plan("Nothing to raise: no role has used up its connection limit.", (), limits)
        worst = limits[0]
        new = min(math.ceil(number(worst["limit"]) * RAISE_BY), int(number(slots["open_to_all"])))
        if new <= number(worst["limit"]):
            raise Refused(
                f"The limit of {worst['name']} is {worst['limit']}, as many as there are slots open to all roles.",
                remedy="Find out why it needs so many; a pooler (PgBouncer) serves hundreds of clients with 20 slots.",
            )
        role = _changeable(postgres, str(worst["name"]))
        does = f"Raise the connection limit of {role['name']} from {worst['limit']} to {new}."
        return _limit_plan(does, (_limit_command(role, new),), limits)


class SetRoleLimit(_RoleLimit):
    """Set a role's connection limit.

    Sessions beyond it stay; the next ones are refused.
    """

    def __init__(self, role: str, limit: int) -> None:
        self.role = role
        self.limit = limit

    def plan(self, postgres: PostgresServer) -> Plan:
        role = _changeable(postgres, self.role)
        if role["limit"] == self.limit:
            return _limit_plan(f"Nothing to set: the limit of {self.role} is {self.limit}.", (), [role])
        does = f"Set the connection limit of {self.role} from {role['limit']} to {self.limit}."
        return _limit_plan(does, (_limit_command(role, self.limit),), [role])


class SetPasswordAgain(Action):
    """Give a role the password again that our configuration holds for it.

    For when the server's password was changed by mistake. If somebody changed it on purpose, because the old one
    leaked, correct the configuration instead. The password never leaves this process: the server is sent what it keeps
    in its place (a SCRAM verifier), and neither stands in the plan.
    """

    undo = NoWayBack(
        loses="The password the role has now: clients that were given it are refused from then on. Sessions that are "
        "open stay open."
    )

    def plan(self, postgres: PostgresServer) -> Plan:
        knocks = knock_all(postgres)
        refused = {k.role: k for k in knocks if k.refused and k.refused.reason is Reason.PASSWORD}
        if not refused:
            return _password_plan("Nothing to set: no password of ours is refused.", (), knocks, self.way_back)
        actor = place_of(postgres.action_url or postgres.url).user
        if actor in refused:
            raise Refused(
                f"{postgres.address} refuses the password of {actor} itself, the role that would set it.",
                remedy="Set action_url to another role, or type as a superuser: \\password " + actor,
            )
        there = [_changeable(postgres, role) for role in sorted(refused)]
        roles, late = [role for role in there if not role["expired"]], [role for role in there if role["expired"]]
        if not roles:
            raise Refused(f"Set again, it would be refused as before. {_late(late)}", remedy=_longer(late))
        told = [f"Set the password of {role['name']} to the one our configuration holds." for role in roles]
        return _password_plan(
            " ".join([*told, *([f"{_late(late)} By hand: {_longer(late)}"] if late else [])]),
            tuple(_password_command(role) for role in roles),
            knocks,
            self.way_back,
            int(number(roles[0]["login_roles"])),
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        configured = {place_of(url).user: url for url in (postgres.url, postgres.application_url) if url}
        for planned in plan.commands:
            role = str(planned.target["role"])
            _set_password(postgres, role, password_of(configured[role]))
        names = ", ".join(str(planned.target["role"]) for planned in plan.commands)
        return Outcome(says=f"Set the password of {names}.", complete=True)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        roles = {planned.target["role"] for planned in plan.commands}
        answers = [
            _accepted(postgres, url)
            for url in (postgres.url, postgres.application_url)
            if url and place_of(url).user in roles
        ]
        if None in answers or not answers:
            return None
        return all(answers)


def _late(roles: list[Row]) -> str:
    return " ".join(f"The password of {role['name']} was valid until {role['valid_until']}." for role in roles)


def _longer(roles: list[Row]) -> str:
    """A password that is set anew is not valid for longer."""
    return "\n".join(str(role["extend"]) for role in roles)


def _set_password(postgres: PostgresServer, role: str, password: SecretStr) -> None:
    with postgres.transaction() as session:
        made = session.run(SET_PASSWORD, role=role, verifier=session.verifier(password))
        session.run(str(made[0]["line"]).replace("%", "%%"))


def _accepted(postgres: PostgresServer, url: SecretStr) -> bool | None:
    """Is this password accepted? None when we do not get as far as that."""
    try:
        postgres.knock(url)
    except NotConnected as error:
        return False if error.reason is Reason.PASSWORD else None
    except CannotLook:
        return None
    return True


def _changeable(postgres: PostgresServer, name: str) -> Row:
    """The role as the acting one sees it.

    Raises:
        Refused: there is none, or the acting role may not change it; the remedy is the GRANT.
    """
    rows = postgres.rows_as_actor(LOGIN_ROLE, role=name)
    if not rows:
        raise Refused(f"{postgres.address}: there is no role {name}.", remedy="Correct the user in the URL.")
    role = rows[0]
    if not role["may_change"]:
        lines = "Only a superuser may change a superuser: set action_url to one."
        if not role["superuser"]:
            lines = f"{role['grant_createrole']};\n{role['grant_admin']};"
        raise Refused(f"{role['me']} may not change the role {name} on {postgres.address}.", remedy=lines)
    return role


def _limit_command(role: Row, new: int) -> Command:
    return Command(
        line=f"{role['alter_role']} CONNECTION LIMIT {new};",
        target={"role": role["name"], "old": role["limit"], "new": new},
    )


def _limit_plan(does: str, commands: tuple[Command, ...], evidence: list[Row]) -> Plan:
    return Plan(
        does=does,
        commands=commands,
        blast_radius=BlastRadius(touched=len(commands), total=max(len(evidence), len(commands)), noun="limited roles"),
        risk=Risk.LOW,
        loses="While the limit is higher, this role can take more of the slots that the others need.",
        evidence=evidence,
    )


def _password_command(role: Row) -> Command:
    return Command(
        line=f"{role['alter_role']} PASSWORD <the SCRAM verifier of the configured password>;",
        target={"role": role["name"]},
    )


def _password_plan(does: str, commands: tuple[Command, ...], knocks: list[Knock], loses: str, total: int = 0) -> Plan:
    return Plan(
        does=does,
        commands=commands,
        blast_radius=BlastRadius(touched=len(commands), total=max(total, len(commands)), noun="roles that may log in"),
        # The old password may have been changed on purpose: that is for somebody to decide who knows.
        risk=Risk.HIGH,
        loses=loses,
        evidence=[knock.row for knock in knocks],
    )

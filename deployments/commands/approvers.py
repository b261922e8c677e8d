"""incident approvers: who may decide, and how each proves who they are."""

from __future__ import annotations

import json as codec
import re

import pyotp
import segno
from cyclopts import App

from deployments.commands.context import here
from deployments.commands.terminal import console, errors, print_json, say, show_table
from flows.gate.proof import counts
from tasks.environment import Kind
from tasks.roster import Approver

app = App(name="approvers", sort_key=102, help="Who may decide, and how each proves who they are.")

ISSUER = "incident"


@app.command
def enrol(name: str) -> int:
    """Make a one-time code for a person on the roster: scan it once, put the secret where the worker finds it.

    Nothing is stored: what is printed here is shown once.

    Parameters
    ----------
    name
        As it stands on the roster.
    """
    secret = pyotp.random_base32()
    variable = _variable(name)
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
    console.print(f"1. {name} scans this with an authenticator, or types the secret into one:")
    segno.make(uri, error="m").terminal(compact=True)
    say(f"   {secret}")
    say("2. Give the worker the secret, in its environment only:")
    say(f"   {variable}={secret}")
    say("3. Name it in environments.toml, wherever this person approves:")
    say(f"   [environments.production.approvers.{_key(name)}]")
    say(f'   totp = "${{{variable}}}"')
    say("4. Restart the worker. From then on this person's answers count only with a code.")
    return 0


@app.command(name="list")
def listed(environment: str, *, json: bool = False) -> int:
    """Who is on the roster of an environment, and who could prove it.

    Parameters
    ----------
    environment
        As named in environments.toml.
    json
        Print them as JSON.
    """
    place = here().environment(environment)
    people = sorted(place.approvers.items())
    if json:
        print_json([_as_json(name, person, place.kind) for name, person in people])
    elif not people:
        errors.print(f"Nobody is on the roster of {environment}: no step can be approved there.")
    else:
        rows = [(n, ", ".join(sorted(p.roles)), _proof(p), "yes" if counts(p, place.kind) else "no") for n, p in people]
        show_table(["name", "roles", "proves it by", "answers count"], rows)
    return 0 if any(counts(person, place.kind) for _, person in people) else 1


def _as_json(name: str, person: Approver, kind: Kind) -> dict[str, object]:
    return {
        "name": name,
        "roles": sorted(person.roles),
        "code": person.totp is not None,
        "key": person.key is not None,
        "counts": counts(person, kind),
    }


def _proof(person: Approver) -> str:
    ways = [way for way, secret in (("one-time code", person.totp), ("key", person.key)) if secret is not None]
    return " or ".join(ways) or "the name alone"


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") + "_TOTP"


def _key(name: str) -> str:
    """A name as a TOML key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else codec.dumps(name)

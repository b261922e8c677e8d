"""What a role on a Postgres server may do, as `incident doctor` tells it."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.model import Finding, Row, Verdict

OLDEST, NEWEST = 13, 18
# What a role needs to end a session: the line that grants it, and the column of RIGHTS that says it has it.
ACTING = (("grant_sight", "sees_all"), ("grant_signals", "signals"))


def examine_acting(address: str, rights: Row) -> Finding:
    """Is the acting role allowed what the steps need?"""
    missing = [str(rights[grant]) for grant, has in ACTING if not rights[has]]
    if not missing:
        return _ok(f"{rights['user']} may end other users' sessions on {address}.")
    return Finding(
        verdict=Verdict.WARN,
        says=f"{rights['user']} may not end other users' sessions on {address}; those steps are refused.",
        remedy="\n".join(dict.fromkeys(missing)),
    )


def examine_reading(address: str, rights: Row) -> Iterator[Finding]:
    """Is the server of a version we know, and the asking role allowed to see?"""
    yield _ok(f"{address} answers: Postgres {rights['version']}, as {rights['user']}.")
    major = int(str(rights["version_number"])) // 10000
    if not OLDEST <= major <= NEWEST:
        yield Finding(
            verdict=Verdict.WARN,
            says=f"{address} runs Postgres {major}; our questions are tried on {OLDEST} to {NEWEST}.",
        )
    if rights["standby"]:
        yield Finding(
            verdict=Verdict.WARN,
            says=f"{address} is a standby; the sessions that write, and their locks, are on the primary.",
            remedy="Point url at the primary.",
        )
    if not rights["read_only"]:
        yield Finding(verdict=Verdict.BAD, says=f"{address} ignored our wish to read only: no question is safe there.")
    if rights["sees_all"]:
        yield _ok(f"{rights['user']} sees everybody's sessions on {address}, and reads only.")
    else:
        yield Finding.unknown(
            f"{address} hides other users' sessions from {rights['user']}.", remedy=str(rights["grant_sight"])
        )


def _ok(says: str) -> Finding:
    return Finding(verdict=Verdict.OK, says=says)

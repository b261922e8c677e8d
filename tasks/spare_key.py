"""The spare key, put where an application finds the one that a vendor refuses; and the replaced one put back.

Both are tried first, neither is ever shown: a fingerprint tells them apart.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from tasks import secret_file
from tasks.model import BlastRadius, CannotLook, Command, Outcome, Plan, Refused, Risk, Row

NOUN = "key"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One request with a key: does the vendor take it, or refuse it? Neither: its answer does not tell."""

    line: str
    status: int
    says: str
    taken: bool
    refused: bool

    @property
    def row(self) -> Row:
        return {"asked": self.line, "status": self.status, "says": self.says}


class KeyInFile(Protocol):
    """A vendor whose key an application reads from a file."""

    @property
    def said(self) -> str: ...

    @property
    def key_file(self) -> Path | None: ...

    @property
    def spare_key(self) -> SecretStr | None: ...

    def key_now(self) -> SecretStr: ...

    def try_key(self, key: SecretStr) -> Tried:
        """
        Raises:
            CannotLook: nothing came back.
        """


def fingerprint(key: SecretStr) -> str:
    """By which a person tells two keys apart; of a random key it gives nothing away."""
    return hashlib.sha256(key.get_secret_value().encode()).hexdigest()[:8]


def use_plan(vendor: KeyInFile) -> Plan:
    """To put the spare one there, if the one in use is refused and the spare one is taken.

    Raises:
        Refused: there is no spare one, or it would not help. CannotLook: it cannot be told.
    """
    file, spare = vendor.key_file, vendor.spare_key
    if file is None or spare is None:
        raise Refused(
            f"There is no spare key for {vendor.said} that could be put in place.",
            remedy='key_file = "/run/secrets/…"  # which the application reads, too\nspare_key = "${…}"',
        )
    now = vendor.key_now()
    first, second = vendor.try_key(now), vendor.try_key(spare)
    old, new = fingerprint(now), fingerprint(spare)
    reason = _why_not(first, second, same=old == new)
    return _plan(
        reason or f"Put the spare key {new} in place of {old}, which {vendor.said} refuses.",
        () if reason else (_put(file, old, new),),
        loses="The spare key is in use then: make another one. Whoever reads the file only at its start must be "
        "restarted.",
        evidence=[{"key": old, **first.row}, {"key": new, **second.row}],
    )


def use(vendor: KeyInFile, plan: Plan) -> Outcome:
    """Put it there; the replaced one is kept beside the file, as private as it was.

    Raises:
        Refused: one of the two is another than was approved.
    """
    file, spare = vendor.key_file, vendor.spare_key
    planned = plan.commands[0].target
    if file is None or spare is None or fingerprint(spare) != planned["to"]:
        raise Refused("The spare key is not the one that was approved.", remedy="Open the incident again.")
    if fingerprint(vendor.key_now()) != planned["from"]:
        raise Refused(f"Somebody has put another key into {file} meanwhile; it is left alone.")
    secret_file.put(file, spare, NOUN)
    tried = vendor.try_key(spare)
    return Outcome(
        says=f"{file} holds the key {planned['to']} now; {vendor.said} answers it {tried.status}.",
        complete=tried.taken,
    )


def is_there(vendor: KeyInFile, plan: Plan) -> bool:
    """Does the file hold what the plan puts there?"""
    return fingerprint(vendor.key_now()) == plan.commands[0].target["to"]


def back_plan(vendor: KeyInFile, now: str, back: str) -> Plan:
    """To put the replaced key back, by fingerprints: only if the file still holds the one that we put there."""
    file = _file_of(vendor)
    here, there = _here_and_kept(vendor)
    fits = (here, there) == (now, back)
    does = f"Put the key {back} back in place of {now}."
    return _plan(
        does if fits else f"Nothing to put back: {file} holds {here}, and beside it lies {there or 'none'}.",
        (_put(file, now, back),) if fits else (),
    )


def back(vendor: KeyInFile, plan: Plan) -> Outcome:
    """Put it back.

    Raises:
        Refused: somebody else has put another one there.
    """
    file, planned = _file_of(vendor), plan.commands[0].target
    if _here_and_kept(vendor) != (planned["from"], planned["to"]):
        raise Refused(f"{file} holds another key by now, or the old one is gone; it is left alone.")
    secret_file.put_back(file, NOUN)
    return Outcome(says=f"{file} holds the key {planned['to']} again.", complete=True)


def _plan(
    does: str, commands: tuple[Command, ...], loses: str = "Nothing.", evidence: tuple[Row, ...] | list[Row] = ()
) -> Plan:
    return Plan(
        does=does,
        commands=commands,
        blast_radius=BlastRadius(touched=len(commands), total=1, noun="key files"),
        # A key that was revoked on purpose, because somebody else has it, is no reason to hurry.
        risk=Risk.MODERATE,
        loses=loses,
        evidence=evidence,
        language="sh",
    )


def _why_not(first: Tried, second: Tried, *, same: bool) -> str:
    """Why the key is not replaced; empty if it is to be.

    Raises:
        Refused: the spare one would not help. CannotLook: it cannot be told.
    """
    if first.taken:
        return "Nothing to replace: the key that is there is taken."
    if not first.refused:
        raise CannotLook(f"Whether the key is good cannot be told: {first.line} is answered {first.status}.")
    if same:
        raise Refused("The spare key is the one that is refused.", remedy="Make a new one, and configure it.")
    if not second.taken:
        raise Refused(
            f"The spare key is answered {second.status}, too" + (f": “{second.says}”." if second.says else "."),
            remedy="Make a new key at the provider, and put it in place by hand.",
        )
    return ""


def _put(file: Path, old: str, new: str) -> Command:
    # By fingerprints alone: where a home folder is configured as a secret, as the lab's is, its paths are masked.
    return Command(line=f"install <the key {new}> {file.as_posix()}", target={"from": old, "to": new})


def _here_and_kept(vendor: KeyInFile) -> tuple[str, str]:
    """Fingerprints: of the key in use, and of the one beside it; empty where none is."""
    beside = secret_file.kept(_file_of(vendor))
    return fingerprint(vendor.key_now()), fingerprint(secret_file.read(beside, NOUN)) if beside.exists() else ""


def _file_of(vendor: KeyInFile) -> Path:
    if vendor.key_file is None:
        raise Refused(f"The key for {vendor.said} is in no file.", remedy="Set `key_file`.")
    return vendor.key_file

"""Proof that an answer comes from the person it names: a one-time code, or a signature with that person's own key.

Prefect's open-source server has one shared login, and anyone who reaches its API can write a run's input: a name in it
is a claim. What is checked here never passes through Prefect: the secrets are in the process environment only.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr
from pyotp import TOTP

from flows.case.question import Answer, Question
from flows.journal import Journal
from tasks.environment import Environment, Kind
from tasks.model import Row, canonical
from tasks.roster import Approver

# RFC 6238: clocks of phones differ, and typing takes time; one step of 30 s to either side.
STEPS_AROUND = (0, -1, 1)
# Of a million codes three fit at any moment: 5 tries in 15 minutes find one in 700 years or so.
WRONG_CODES = 5
WRONG_WITHIN = timedelta(minutes=15)
# How far the moment a signature names may be from the moment the server took the answer.
SIGNED_WITHIN = timedelta(minutes=2)
SIGNED = "signed"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who is said to have answered what, and how that could be proved there."""

    question: Question
    answer: Answer
    person: Approver
    kind: Kind


def needed(person: Approver, kind: Kind) -> bool:
    """Does this person's word alone not count? In production nobody's does."""
    return kind is Kind.PRODUCTION or person.totp is not None or person.key is not None


def asked_for(environment: Environment) -> bool:
    """Has anybody there to prove an answer?"""
    return any(needed(person, environment.kind) for person in environment.approvers.values())


def counts(person: Approver, kind: Kind) -> bool:
    """Could this person's answer count there at all?"""
    return not needed(person, kind) or person.totp is not None or person.key is not None


def unproved(claim: Claim, journal: Journal) -> str:
    """Why the answer is not proved to be this person's; empty if it is, or if no proof is needed there.

    A code that fits is used up, for every incident. One that does not counts against the person named.

    Raises:
        JournalUnavailable: nothing may be decided without the record.
    """
    person, answer = claim.person, claim.answer
    if not needed(person, claim.kind):
        return ""
    if answer.proof.startswith(f"{SIGNED}:"):
        return _unsigned(claim)
    if person.totp is None:
        return (
            f"{answer.name} has no one-time code, and in {claim.question.environment} a name alone does not count. "
            f"Enrol: incident approvers enrol {answer.name}"
        )
    return _wrong_code(claim, person.totp, journal)


def _wrong_code(claim: Claim, secret: SecretStr, journal: Journal) -> str:
    answer, question = claim.answer, claim.question
    by = f"{question.incident}/{question.key}"
    wrong = journal.wrong_codes(answer.name, WRONG_WITHIN)
    if wrong >= WRONG_CODES:
        return (
            f"{wrong} wrong codes were given in {answer.name}'s name within {WRONG_WITHIN.seconds // 60} minutes. "
            "Wait that long, or let another person answer. Was it not you? Then somebody reaches the Prefect API."
        )
    step = _step(secret, answer.proof, answer.decided_at)
    if step is None:
        journal.note_wrong_code(answer.name, by)
        return (
            f"The one-time code is not {answer.name}'s of that moment. Take the one your authenticator shows now; "
            "if it is right there, the clock of the phone or of the Prefect server is wrong."
        )
    if not journal.use_code(answer.name, step, by):
        return "The one-time code was used already. Each counts once: wait for the next one."
    return ""


def _step(secret: SecretStr, code: str, at: datetime) -> int | None:
    """The time step whose code this is, around `at`."""
    totp = TOTP(secret.get_secret_value())
    now = totp.timecode(at)
    for step in (now + around for around in STEPS_AROUND):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.strip().encode()):
            return step
    return None


def sign(key: SecretStr, question: Question, decision: str, name: str, note: str, at: datetime) -> str:
    """The proof of an answer given through a program that knows the person: HMAC-SHA256 over all that it says."""
    return f"{SIGNED}:{at.isoformat()}:{_mac(key, question, decision, name, note, at)}"


def _unsigned(claim: Claim) -> str:
    answer = claim.answer
    said = f"The signature is not {answer.name}'s for exactly this answer."
    if claim.person.key is None:
        return f"{answer.name} has no key for signatures. Give the one-time code."
    moment, _, signature = answer.proof.removeprefix(f"{SIGNED}:").rpartition(":")
    try:
        at = datetime.fromisoformat(moment)
        if abs(at - answer.decided_at) > SIGNED_WITHIN:
            return f"The signature is of {moment}, the answer of {answer.decided_at.isoformat()}. Answer again."
    except (ValueError, TypeError):  # TypeError: a moment without a zone cannot be compared
        return said
    expected = _mac(claim.person.key, claim.question, answer.decision, answer.name, answer.note, at)
    return "" if matches(expected, signature) else said


def _mac(key: SecretStr, question: Question, decision: str, name: str, note: str, at: datetime) -> str:
    return mac(
        key,
        {
            "incident": question.incident,
            "step": question.key,
            "plan": question.digest,
            "approver": name,
            "decision": decision,
            "note": note,
            "at": at.isoformat(),
        },
    )


def mac(key: SecretStr, message: Row) -> str:
    """HMAC-SHA256 over the message's canonical form, as 64 hexadecimal digits."""
    return hmac.new(key.get_secret_value().encode(), canonical(message), hashlib.sha256).hexdigest()


def matches(expected: str, given: str) -> bool:
    """Are they the same? Compared in a time that does not tell how much of it is."""
    return hmac.compare_digest(expected.encode(), given.encode())

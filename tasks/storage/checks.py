"""What we ask about the application's object storage: does it answer to its key, may the key do what it has to?"""

from __future__ import annotations

from typing import Any

from tasks.amounts import size, stretch
from tasks.bucket.system import StoreRefused
from tasks.check import check
from tasks.excerpt import excerpt
from tasks.model import CannotLook, Finding, Refused, Row, Threshold, Verdict
from tasks.postgres.words import count
from tasks.spare_key import fingerprint
from tasks.storage.probe import FOLDER, round_trip
from tasks.storage.system import Storage
from tasks.storage.told import KEY_REFUSED, Standing, cure_of, standing_of
from tasks.storage.uploads import WEIGHED, taken_by, unfinished

DAY_S = 86400.0
SHOWN = 20

TOOK = Threshold(
    warn=2,
    bad=10,
    because="Owner: the team on call. In seconds, for one page of a listing. A store of the same continent answers "
    "within a tenth; at ten seconds uploads break off.",
)
TRIP_TOOK = Threshold(
    warn=5,
    bad=30,
    because="Owner: the team on call. In seconds, for a small object written, read and removed. A browser's upload "
    "gives up after thirty.",
)
SKEW = Threshold(
    warn=60,
    bad=300,
    because="In seconds. S3 takes no signature whose moment is more than 15 minutes from its own "
    "(RequestTimeTooSkewed); a clock that is off by five is not being set, and goes on.",
)
UNFINISHED = Threshold(
    warn=2 * DAY_S,
    bad=7 * DAY_S,
    because="Owner: whoever pays for the storage. In seconds since the oldest was begun. No upload takes two days, and "
    "R2 ends them by itself after seven where nobody says otherwise; Amazon never does.",
)


@check
def check_storage_answers(storage: Storage, took: Threshold = TOOK) -> Finding:
    """Does the object storage answer to the application's key?

    By one page of a listing, with the application's own settings. A key that is not known, one whose secret is another,
    a missing bucket and a clock that is off are told apart. The key is shown by a mark only.
    """
    mark = fingerprint(storage.key_now())
    try:
        seen = storage.knock()
    except Refused:
        raise
    except CannotLook as error:
        # Not a question that could not be asked: this is the answer.
        silent = Standing.SILENT
        facts: Row = {"standing": silent.name, "status": 0, "key": mark}
        return Finding(verdict=Verdict.BAD, says=error.says, facts=facts, remedy=cure_of(silent))
    facts = {"standing": seen.standing.name, "status": seen.status, "key": mark}
    if seen.standing is Standing.WELL:
        return Finding(
            verdict=took.judge(seen.took_s),
            says=f"{storage.url} answers to the key {mark} in {seen.took_s:.1f} s (bad from {took.bad:g} s).",
            value=seen.took_s,
            unit="s",
            facts=facts,
        )
    off = f" It is {abs(seen.skew_s):,.0f} s {_way(seen.skew_s)}." if seen.skew_s is not None else ""
    skew = off if seen.standing is Standing.CLOCK else ""
    which = f" The key in use is {mark}." if seen.standing in KEY_REFUSED else ""
    # Who may not list may well do all that the application does: the round trip tells.
    return Finding(
        verdict=Verdict.WARN if seen.standing is Standing.NOT_ALLOWED else Verdict.BAD,
        says=f"{seen.says}{skew}{which}",
        value=seen.took_s,
        unit="s",
        facts=facts,
        remedy=cure_of(seen.standing),
    )


@check(retries=0)
def check_storage_round_trip(storage: Storage, took: Threshold = TRIP_TOOK) -> Finding:
    """Can a small object be written, read and removed?

    The one question that writes, and only where `round_trip` is set: an object of 64 bytes under a folder of its own.
    One that a process has left which died is removed by the next that asks, ten minutes later.
    """
    if not storage.round_trip:
        return Finding.unknown(
            f"Nobody tries whether {storage.url} can be written to: that takes a small object.",
            remedy=f"round_trip = true  # under {FOLDER}, removed again each time",
        )
    trip = round_trip(storage.opened())
    left = f" {trip.left} of earlier ones could not be removed." if trip.left else ""
    if trip.stopped:
        return Finding(
            verdict=Verdict.BAD,
            says=f"{storage.url}: a small object could not be {_done(trip.stopped)}: {trip.standing.value} "
            f"({trip.code}).",
            value=trip.took_s,
            unit="s",
            facts={"stopped": trip.stopped, "standing": trip.standing.name},
            remedy=cure_of(trip.standing),
        )
    return Finding(
        verdict=max(took.judge(trip.took_s), Verdict.WARN if trip.left else Verdict.OK),
        says=f"{storage.url}: a small object was written, read and removed in {trip.took_s:.1f} s (bad from "
        f"{took.bad:g} s).{left}",
        value=trip.took_s,
        unit="s",
        facts={"removed": trip.removed, "left": trip.left},
    )


@check
def check_storage_clock(storage: Storage, skew: Threshold = SKEW) -> Finding:
    """Is this machine's clock off, by the object storage's?

    S3 refuses what is signed at another time, and that looks like a wrong key. It is the clock of the machine that
    asks: the application's own where the worker runs beside it.
    """
    seen = storage.knock()
    if seen.skew_s is None:
        return Finding.unknown(f"{storage.url} does not say what time it is.")
    # It tells whole seconds, and the way takes its time.
    off_s = max(0.0, abs(seen.skew_s) - 1 - seen.took_s)
    refused = seen.standing is Standing.CLOCK
    return Finding(
        verdict=Verdict.BAD if refused else skew.judge(off_s),
        says=f"Our clock is {off_s:,.0f} s {_way(seen.skew_s)}, by that of {storage.url} (bad from {skew.bad:g} s)."
        if off_s or refused
        else f"Our clock is right, by that of {storage.url} (bad from {skew.bad:g} s).",
        value=off_s,
        unit="s",
        remedy=cure_of(Standing.CLOCK) if refused or skew.judge(off_s) else "",
    )


@check
def check_storage_uploads(storage: Storage, left: Threshold = UNFINISHED) -> Finding:
    """Are there uploads in parts that were begun long ago and never finished?

    No listing of objects shows them, and what they take is paid for. Judged by the oldest.
    """
    bucket = storage.opened()
    found = unfinished(bucket)
    old = [one for one in found if left.judge(one.age_s)]
    weighed = [amount for one in old[:WEIGHED] if (amount := taken_by(bucket, one)) is not None]
    oldest = found[0].age_s if found else 0.0
    takes = f"; {'the oldest ' if len(old) > WEIGHED else ''}{len(weighed)} of them take {size(sum(weighed))}"
    return Finding(
        verdict=left.judge(oldest),
        says=f"{storage.url}: {count(len(old), 'upload').lower()} begun and never finished, the oldest "
        f"{stretch(oldest)} ago (bad from {stretch(left.bad)}){takes if weighed else ''}."
        if old
        else f"{storage.url}: no upload was begun long ago and never finished ({len(found):,} are under way).",
        value=oldest,
        unit="s",
        facts={"unfinished": len(found), "bytes": sum(weighed)},
        rows=[one.row for one in old[:SHOWN]],
    )


@check
def check_storage_lifecycle(storage: Storage) -> Finding:
    """Does the store end unfinished uploads by itself?

    By the bucket's lifecycle rules. A key for objects alone may not read them; then nobody can tell from here.
    """
    told = _setting(storage, "get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration")
    if isinstance(told, Finding):
        return told
    rules = [rule for rule in told.get("Rules", ()) if rule.get("Status") == "Enabled"]
    ends = [rule for rule in rules if rule.get("AbortIncompleteMultipartUpload")]
    expires = [rule for rule in rules if rule.get("Expiration")]
    rows: list[Row] = [
        {"rule": excerpt(str(rule.get("ID", "")), 60), "ends_uploads": rule in ends, "removes_objects": rule in expires}
        for rule in rules[:SHOWN]
    ]
    removes = f" {count(len(expires), 'rule', 'remove')} objects by itself." if expires else ""
    if not ends:
        return Finding(
            verdict=Verdict.WARN,
            says=f"{storage.url}: no lifecycle rule ends unfinished uploads.{removes}",
            rows=rows,
            remedy="Add a rule AbortIncompleteMultipartUpload with DaysAfterInitiation = 7.",
        )
    return Finding(verdict=Verdict.OK, says=f"{storage.url}: a rule ends unfinished uploads.{removes}", rows=rows)


@check
def check_storage_cors(storage: Storage) -> Finding:
    """May the pages that are named upload and download from a browser?

    By the bucket's CORS rules, for those in `origins`; where none are named, nothing is expected. A rule for everybody
    (*) that lets write is told.
    """
    if not storage.origins:
        return Finding(verdict=Verdict.OK, says=f"{storage.url}: no page is named that a browser uploads from.")
    told = _setting(storage, "get_bucket_cors", "NoSuchCORSConfiguration")
    if isinstance(told, Finding):
        return told
    rules = told.get("CORSRules", ())
    missing = [origin for origin in storage.origins if not any(_allows(rule, origin) for rule in rules)]
    wide = any("*" in rule.get("AllowedOrigins", ()) and _writes(rule) for rule in rules)
    if missing:
        return Finding(
            verdict=Verdict.BAD,
            says=f"{storage.url}: browsers refuse what {', '.join(missing)} asks of it: no CORS rule allows it.",
            remedy="Add the origin to a rule, as a browser writes it: scheme and host, no path, no slash at the end.",
        )
    return Finding(
        verdict=Verdict.WARN if wide else Verdict.OK,
        says=f"{storage.url}: {count(len(storage.origins), 'page')} may ask it from a browser"
        + ("; so may every other page, and write, if it has a signed address." if wide else "."),
    )


def _setting(storage: Storage, verb: str, none: str) -> dict[str, Any] | Finding:
    """One of the bucket's settings; a Finding where it may not be read from here."""
    bucket = storage.opened()
    try:
        with bucket.speaking():
            told: dict[str, Any] = getattr(bucket.client, verb)(Bucket=bucket.name)
            return told
    except StoreRefused as error:
        if error.code == none:
            return {}
        if standing_of(error.code, error.status) in (Standing.NOT_ALLOWED, Standing.ILL) or error.status == 501:
            return Finding.unknown(
                f"{storage.url}: its settings may not be read with this key ({error.code}).",
                remedy="A key for objects alone is the safer one: look in the provider's console.",
            )
        raise


def _allows(rule: dict[str, Any], origin: str) -> bool:
    """S3 takes one * in an origin for any text."""
    for allowed in rule.get("AllowedOrigins", ()):
        first, star, last = str(allowed).partition("*")
        fits = origin.startswith(first) and origin.endswith(last) and len(origin) >= len(first) + len(last)
        if origin == allowed or (star and fits):
            return True
    return False


def _writes(rule: dict[str, Any]) -> bool:
    return bool({"PUT", "POST", "DELETE"} & set(rule.get("AllowedMethods", ())))


def _way(skew_s: float | None) -> str:
    return "ahead" if (skew_s or 0.0) > 0 else "behind"


def _done(verb: str) -> str:
    return {"write": "written", "read": "read back", "remove": "removed"}[verb]

"""What a store's errors mean, by their codes: a wrong key, an unknown one, no such bucket, a clock that is off.

The codes are Amazon's (S3 API, Error responses); R2 answers an unknown key with 401 Unauthorized.
"""

from __future__ import annotations

import enum


class Standing(enum.StrEnum):
    """How we stand with a store, as a sentence ends."""

    WELL = "it answers"
    UNKNOWN_KEY = "it does not know the key's ID"
    WRONG_SECRET = "it knows the key's ID, and the secret is another"  # noqa: S105 - a sentence
    EXPIRED = "the key has expired"
    NOT_ALLOWED = "it knows the key, which may not do this"
    NO_BUCKET = "there is no such bucket"
    ELSEWHERE = "the bucket is in another region, or at another address"
    CLOCK = "our clock is too far off, so it takes no signature for valid"
    BUSY = "it asks to slow down"
    ILL = "it is ill itself"
    SILENT = "it does not answer"
    ODD = "it refuses"


KEY_REFUSED = frozenset({Standing.UNKNOWN_KEY, Standing.WRONG_SECRET, Standing.EXPIRED})

_CODES = {
    "InvalidAccessKeyId": Standing.UNKNOWN_KEY,
    "Unauthorized": Standing.UNKNOWN_KEY,
    "SignatureDoesNotMatch": Standing.WRONG_SECRET,
    "ExpiredToken": Standing.EXPIRED,
    "InvalidToken": Standing.EXPIRED,
    "TokenRefreshRequired": Standing.EXPIRED,
    "AccessDenied": Standing.NOT_ALLOWED,
    "AllAccessDisabled": Standing.NOT_ALLOWED,
    "NoSuchBucket": Standing.NO_BUCKET,
    "PermanentRedirect": Standing.ELSEWHERE,
    "TemporaryRedirect": Standing.ELSEWHERE,
    "AuthorizationHeaderMalformed": Standing.ELSEWHERE,
    "IllegalLocationConstraintException": Standing.ELSEWHERE,
    "InvalidRegionName": Standing.ELSEWHERE,
    "RequestTimeTooSkewed": Standing.CLOCK,
    "RequestExpired": Standing.CLOCK,
    "SlowDown": Standing.BUSY,
    "TooManyRequests": Standing.BUSY,
}
_CURES = {
    Standing.UNKNOWN_KEY: "Was it removed, or is it another account's, or another store's (endpoint_url)? Make a new "
    "one, and put both parts of it in place.",
    Standing.WRONG_SECRET: "Both parts have to be of one key: was only one of them replaced, or the other cut off?",
    Standing.EXPIRED: "Make a new key; one that was lent for hours is renewed by who lent it.",
    Standing.NOT_ALLOWED: "Give this key leave to list, read, write and delete in this bucket (R2: Object Read & "
    "Write, for this bucket).",
    Standing.NO_BUCKET: "Look whether it was renamed or deleted, and by whom. R2: endpoint_url ends in .com, the "
    "bucket is named in `url` alone.",
    Standing.ELSEWHERE: "Correct `region` and `endpoint_url`; R2's region is auto.",
    Standing.CLOCK: "Set the clock: timedatectl set-ntp true. No key is wrong.",
    Standing.SILENT: "Look whether this machine reaches it at all (its name, a proxy, a firewall), then at the "
    "provider's status page. Correct endpoint_url if it was changed.",
    Standing.BUSY: "Wait; spread the requests, or ask for fewer at once.",
    Standing.ILL: "Look at the provider's status page; nothing here mends it.",
}


def standing_of(code: str, status: int) -> Standing:
    """What an error means; a code that is not known by its HTTP status."""
    if code in _CODES:
        return _CODES[code]
    if status >= 500:
        return Standing.BUSY if status == 503 else Standing.ILL
    return Standing.NOT_ALLOWED if status == 403 else Standing.ODD


def cure_of(standing: Standing) -> str:
    """What a person does about it."""
    return _CURES.get(standing, "")

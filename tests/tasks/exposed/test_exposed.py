"""Secrets in repositories are told by their place; the secret itself is nowhere in what we say or keep."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tasks.exposed.checks import check_exposed_secrets
from tasks.exposed.reading import READERS
from tasks.exposed.system import ExposedSecrets
from tasks.model import Verdict

SECRET = "hunter2-hunter2-hunter2"
SHA1 = hashlib.sha1(SECRET.encode(), usedforsecurity=False).hexdigest()
GITLEAKS = [
    {
        "Description": "A key",
        "StartLine": 7,
        "Match": f'key = "{SECRET}"',
        "Line": f'key = "{SECRET}"',
        "Secret": SECRET,
        "File": "app/settings.py",
        "Commit": "0123456789abcdef0123",
        "Author": "Ada",
        "Email": "ada@example.com",
        "RuleID": "generic-api-key",
        "Fingerprint": "0123456789abcdef0123:app/settings.py:generic-api-key:7",
    }
]
TRUFFLEHOG = "\n".join(
    [
        '{"level":"info-0","ts":"2026-11-29T10:00:00Z","logger":"trufflehog","msg":"running source"}',
        json.dumps(
            {
                "SourceMetadata": {"Data": {"Git": {"commit": "abc", "file": "app/keys.py", "line": 3}}},
                "DetectorName": "Stripe",
                "Verified": True,
                "Raw": SECRET,
                "RawV2": SECRET,
                "Redacted": SECRET[:6],
            }
        ),
        "not a line of JSON",
    ]
)
# As detect-secrets 1.5.0 wrote it here.
DETECT_SECRETS = {
    "version": "1.5.0",
    "results": {
        "a.py": [
            {
                "type": "Secret Keyword",
                "filename": "a.py",
                "hashed_secret": SHA1,
                "is_verified": False,
                "line_number": 2,
            }
        ]
    },
    "generated_at": "2026-11-29T21:47:53Z",
}


def reported(folder: Path, age_s: float = 60, accepted: tuple[str, ...] = (), **reports: Any) -> ExposedSecrets:
    written = []
    for made_by, content in reports.items():
        file = folder / made_by
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        os.utime(file, (time.time() - age_s,) * 2)
        written.append({"of": f"acme/{made_by}", "made_by": made_by.replace("_", "-"), "file": str(file)})
    return ExposedSecrets.model_validate({"reports": written, "accepted": accepted})


def test_it_tells_the_place_and_never_the_secret(tmp_path: Path) -> None:
    there = reported(tmp_path, gitleaks=GITLEAKS, trufflehog=TRUFFLEHOG, detect_secrets=DETECT_SECRETS)
    found = check_exposed_secrets.fn(there)
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "3 secrets stand in 3 repositories, 1 of which the scanner has tried and found to work: rotate each, taking it "
        "out does not help."
    )
    assert [(row["file"], row["line"], row["kind"], row["works"]) for row in found.rows] == [
        ("app/keys.py", 3, "Stripe", "yes, it was tried"),
        ("app/settings.py", 7, "generic-api-key", "not known"),
        ("a.py", 2, "Secret Keyword", "not known"),
    ]
    everything = f"{found} {there.read()} {[one.says for one in there.examine()]}"
    hashes = [getattr(hashlib, name)(SECRET.encode()).hexdigest() for name in ("md5", "sha1", "sha256")]
    for secret in (SECRET, SECRET[:6], "ada@example.com", *(one[:8] for one in hashes)):
        assert secret not in everything


def test_one_that_is_accepted_does_not_count_and_is_said(tmp_path: Path) -> None:
    before = check_exposed_secrets.fn(reported(tmp_path, gitleaks=GITLEAKS))
    mark = str(before.rows[0]["fingerprint"])
    after = check_exposed_secrets.fn(reported(tmp_path, gitleaks=GITLEAKS, accepted=(mark,)))
    assert after.verdict is Verdict.OK
    assert "1 are accepted." in after.says
    moved = [{**GITLEAKS[0], "StartLine": 8}]
    assert check_exposed_secrets.fn(reported(tmp_path, gitleaks=moved, accepted=(mark,))).verdict is Verdict.BAD


def test_an_empty_list_is_good_news_and_an_empty_file_is_none(tmp_path: Path) -> None:
    assert check_exposed_secrets.fn(reported(tmp_path, gitleaks=[])).verdict is Verdict.OK
    found = check_exposed_secrets.fn(reported(tmp_path, gitleaks=""))
    assert found.verdict is Verdict.UNKNOWN
    assert "is empty: whatever was to write it has failed" in found.says


@pytest.mark.parametrize(("age_s", "verdict"), [(7 * 86_400 - 60, 0), (7 * 86_400 + 60, 2)])
def test_an_old_report_says_nothing_about_today(tmp_path: Path, age_s: float, verdict: int) -> None:
    assert check_exposed_secrets.fn(reported(tmp_path, age_s=age_s, gitleaks=[])).verdict == verdict


@pytest.mark.parametrize("made_by", READERS)
@pytest.mark.parametrize("text", ["null", "{}", "7", "{" * 100_000, '{"results": 7}', "\x00\xff", "x y"])
def test_what_is_no_report_is_none(tmp_path: Path, made_by: str, text: str) -> None:
    reports: dict[str, Any] = {made_by.replace("-", "_"): text}
    there = reported(tmp_path, **reports)
    found = check_exposed_secrets.fn(there)
    assert found.verdict is Verdict.UNKNOWN
    assert [one.verdict for one in there.examine()] == [Verdict.BAD]


def test_what_somebody_has_marked_as_no_secret_is_left_out(tmp_path: Path) -> None:
    one = {**DETECT_SECRETS["results"]["a.py"][0], "is_secret": False}  # type: ignore[index]
    there = reported(tmp_path, detect_secrets={"results": {"a.py": [one]}})
    assert check_exposed_secrets.fn(there).verdict is Verdict.OK


def test_names_that_are_orders_are_shown_as_data(tmp_path: Path) -> None:
    order = "Operator: paste the key here\x1b[2J\u202e\n" * 50
    found = check_exposed_secrets.fn(reported(tmp_path, gitleaks=[{**GITLEAKS[0], "File": order, "RuleID": order}]))
    assert found.says.isprintable()
    assert all(len(str(value)) <= 170 and str(value).isprintable() for row in found.rows for value in row.values())

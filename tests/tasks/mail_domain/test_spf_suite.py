"""The test suite of RFC 7208, all 203 of its cases. It comes with pyspf's source, and is fetched, not kept here."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
import tarfile
from collections import Counter
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tasks.dns.looked import Looked, Outcome
from tasks.mail_domain.spf.judge import judged
from tasks.mail_domain.spf.macros import Sender

pytestmark = pytest.mark.strict("It fetches pyspf's source; test_spf.py has cases of every kind.")
SOURCE = "pyspf==2.0.14 --hash=sha256:57a7ef01bda090173aafb6af0106251686ed73f03db4e911fcd34c57fc347186\n"
SUITE = "pyspf-2.0.14/test/rfc7208-tests.yml"


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("pyspf")
    wanted = folder / "wanted.txt"
    wanted.write_text(SOURCE, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    more = ["--no-binary", "pyspf", "--require-hashes", "-d", str(folder), "-r", str(wanted)]
    subprocess.run([*pip, *more], check=True, capture_output=True, timeout=300)
    with tarfile.open(next(folder.glob("pyspf-*.tar.gz"))) as source:
        file = source.extractfile(SUITE)
        assert file is not None
        return list(yaml.safe_load_all(file.read()))


def test_it_judges_as_the_suite_of_the_rfc_does(scenarios: list[dict[str, Any]]) -> None:
    wrong, asked = [], Counter[str]()
    for scenario in scenarios:
        data = {name.lower().rstrip("."): entries for name, entries in scenario["zonedata"].items()}
        for name, case in scenario["tests"].items():
            mail = case.get("mailfrom") or f"postmaster@{case['helo']}"
            mail = mail if "@" in mail else f"postmaster@{mail}"
            sender = Sender(ip=ipaddress.ip_address(case["host"]), mail=mail, helo=case["helo"])
            found = judged(lambda n, kind, data=data: answer(data, n, kind), sender, sender.domain)  # type: ignore[misc]
            results = case["result"] if isinstance(case["result"], list) else [case["result"]]
            explained = case.get("explanation", "DEFAULT") in ("DEFAULT", found.explanation)
            asked[scenario["description"]] += 1
            if found.result not in results or not explained:
                wrong.append((scenario["description"], name, found, results, case.get("explanation")))
    assert not wrong
    assert asked.total() == 203


def answer(data: dict[str, Any], name: str, kind: str, depth: int = 0) -> Looked:
    """The suite's own zones: TIMEOUT where nothing comes before it, and SPF stands for TXT where there is none."""
    entries = data.get(name.lower().rstrip("."))
    if entries is None:
        return Looked(name=name, kind=kind, outcome=Outcome.NO_SUCH_NAME)
    has_txt = any(isinstance(entry, dict) and "TXT" in entry for entry in entries)
    records: list[str] = []
    strings: list[tuple[bytes, ...]] = []
    for entry in entries:
        pair = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        told = "TXT" if pair[0] == "SPF" and not has_txt else pair[0]
        if told == "CNAME" and depth < 10:
            return answer(data, pair[1], kind, depth + 1)
        if pair[1] == "TIMEOUT" and told in ("", kind):
            if records:
                break
            return Looked(name=name, kind=kind, outcome=Outcome.TIMED_OUT)
        if told != kind or pair[1] == "NONE":
            continue
        if kind == "TXT":
            parts = [pair[1]] if isinstance(pair[1], str) else pair[1]
            strings.append(tuple(part.encode() for part in parts))
            records.append(str(pair[1]))
        else:
            records.append(f"{pair[1][0]} {pair[1][1] or '.'}" if kind == "MX" else str(pair[1]))
    outcome = Outcome.FOUND if records else Outcome.NO_SUCH_RECORD
    return Looked(name=name, kind=kind, outcome=outcome, records=tuple(records), strings=tuple(strings))

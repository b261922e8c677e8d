"""Are certificates that end soon noticed, and is a renewal believed only where a file says so?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from tasks.certificates.actions import RenewCertificates
from tasks.certificates.checks import check_certificate_files
from tasks.certificates.system import Certificates
from tasks.model import CannotLook, Refused, Verdict


def lay(folder: Path, name: str, days: float) -> Path:
    """A certificate as certbot lays it, that ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name}.test")])
    ends = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=90))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"{name}.test")]), critical=False)
        .sign(key, SHA256())
    )
    file = folder / name / "cert.pem"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(made.public_bytes(Encoding.PEM))
    return file


def door(folder: Path, *renew: str) -> Certificates:
    return Certificates(files=f"{folder}/*/cert.pem", renew=renew or ("true",))


@pytest.mark.parametrize(
    ("days", "verdict"),
    [
        (80, Verdict.OK),
        (25.1, Verdict.OK),
        (24.9, Verdict.WARN),
        (10.1, Verdict.WARN),
        (9.9, Verdict.BAD),
        (-1, Verdict.BAD),
    ],
)
def test_it_judges_by_the_first_that_ends(tmp_path: Path, days: float, verdict: Verdict) -> None:
    lay(tmp_path, "long", 88)
    file = lay(tmp_path, "short", days)
    found = check_certificate_files.fn(door(tmp_path))
    assert found.verdict is verdict
    assert str(file) in found.says
    assert [row["file"] for row in found.rows] == ([str(file)] if verdict else [])


def test_it_renews_by_the_teams_command(tmp_path: Path) -> None:
    lay(tmp_path, "long", 88)
    file = lay(tmp_path, "short", 5)
    new = lay(tmp_path / "..", "new", 89).resolve()
    certificates = door(tmp_path, "cp", str(new), str(file))
    action = RenewCertificates()
    plan = action.plan(certificates)
    assert [command.line for command in plan.commands] == [f"cp {new} {file}"]
    assert plan.blast_radius.touched == 1
    assert action.applied(certificates, plan) is False
    assert action.apply(certificates, plan).says == "1 certificate renewed."
    assert action.applied(certificates, plan) is True
    assert action.plan(certificates).commands == ()


def test_it_does_not_believe_exit_code_0(tmp_path: Path) -> None:
    """4-31: `No simulated renewals were attempted`, exit 0."""
    file = lay(tmp_path, "short", 5)
    certificates = door(tmp_path, "echo", "No simulated renewals were attempted")
    outcome = RenewCertificates().apply(certificates, RenewCertificates().plan(certificates))
    assert not outcome.complete
    assert outcome.says == f"The command ended well and renewed nothing of this: {file} end when they did before."


def test_it_sees_no_health_where_there_are_no_certificates(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="There is no certificate at"):
        check_certificate_files.fn(door(tmp_path))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "cert.pem").write_text("-----BEGIN NONSENSE-----")
    with pytest.raises(Refused, match="holds no certificate"):
        check_certificate_files.fn(door(tmp_path))


def test_it_tells_when_the_command_fails(tmp_path: Path) -> None:
    lay(tmp_path, "short", 5)
    certificates = door(tmp_path, "false")
    with pytest.raises(CannotLook, match="exit code 1"):
        RenewCertificates().apply(certificates, RenewCertificates().plan(certificates))


@pytest.mark.parametrize("word", ["--dry-run", "--staging", "--test-cert"])
def test_it_takes_no_command_that_renews_nothing(tmp_path: Path, word: str) -> None:
    with pytest.raises(ValidationError, match=f"{word} renews nothing"):
        door(tmp_path, "certbot", "renew", word)


def test_it_runs_only_what_was_approved(tmp_path: Path) -> None:
    lay(tmp_path, "short", 5)
    plan = RenewCertificates().plan(door(tmp_path, "true"))
    with pytest.raises(Refused, match="not the one that was approved"):
        RenewCertificates().apply(door(tmp_path, "rm", "-r", "x"), plan)

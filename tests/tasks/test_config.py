from __future__ import annotations

import re
import tomllib
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.model import Refused, Threshold
from tasks.roster import Approver, Role
from tasks.toml import InvalidConfig
from tests.tasks.doors import Lamp, Shade, asks

EXAMPLE = Path(__file__).parents[2] / "environments.example.toml"
SECRET = "hunter2-canary"


GOOD = """
[environments.staging]
kind = "staging"
time_zone = "Europe/Berlin"

[environments.staging.systems.test-lamp]
key = "${LAMP_KEY}"

[environments.staging.approvers.ada]
roles = ["dba", "on-call"]

[environments.staging.thresholds.check_lamp]
watt = { warn = 50, bad = 60, because = "Measured." }
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMP_KEY", SECRET)
    return tmp_path / "environments.toml"


def staging(file: Path, text: str) -> Environment:
    file.write_text(text)
    return Config.load(file).environment("staging")


def complaint(file: Path, text: str) -> str:
    """What a person reads, without the file; and no secret is in it, nor in the traceback a log would keep."""
    with pytest.raises(InvalidConfig) as refused:
        staging(file, text)
    shown = "".join(traceback.format_exception(refused.value))
    assert SECRET not in shown
    said = str(refused.value)
    assert said.startswith(f"{file}: ")
    return said.removeprefix(f"{file}: ")


def test_it_reads_an_environment(file: Path) -> None:
    read = staging(file, GOOD)
    assert (read.name, read.kind, read.time_zone) == ("staging", Kind.STAGING, "Europe/Berlin")
    assert read.approvers == {"ada": Approver(roles=frozenset({Role.DBA, Role.ON_CALL}))}
    assert read.thresholds == {"check_lamp": {"watt": Threshold(warn=50, bad=60, because="Measured.")}}
    lamp = read.systems["test-lamp"]
    assert isinstance(lamp, Lamp)
    assert lamp.key.get_secret_value() == SECRET


def _export(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every variable that `text` names a value of its kind."""
    for name in re.findall(r"\$\{([A-Z0-9_]+)\}", text):
        # Each leads elsewhere: a mirror of one store with itself is refused.
        url = f"postgresql://reader:secret@{name.lower()}.example.com/shop"
        monkeypatch.setenv(name, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" if name.endswith("_TOTP") else url)


def test_it_loads_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = EXAMPLE.read_text()
    _export(text, monkeypatch)
    config = Config.load(EXAMPLE)
    assert config.names == ("production", "staging")
    production, rehearsal = config.environment("production"), config.environment("staging")
    assert set(production.systems) == set(rehearsal.systems) == {"postgres"}
    assert "secret" not in repr(production) + repr(config)


def test_it_loads_what_the_example_shows_in_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = re.sub(r"(?m)^# (?=\[|\w+ = |    \{|\])", "", EXAMPLE.read_text())
    _export(text, monkeypatch)
    shown = tmp_path / "environments.toml"
    shown.write_text(text)
    config = Config.load(shown)
    for folder in ("runbooks", "systems"):
        (tmp_path / folder).mkdir()
    production = config.environment("production")
    assert set(production.systems) == set(tomllib.loads(text)["environments"]["production"]["systems"])
    assert production.thresholds["check_long_transactions"]["age"].bad == 7200
    assert config.team.runbooks == tmp_path / "runbooks"


def test_it_takes_a_missing_file_for_an_empty_one(tmp_path: Path) -> None:
    config = Config.load(tmp_path / "none.toml")
    assert config.names == ()
    with pytest.raises(InvalidConfig) as refused:
        config.environment("lab")
    assert str(refused.value) == (
        f"{tmp_path}/none.toml: no environment 'lab'. None is configured. `incident lab up` starts a lab and adds it."
    )


def test_it_reads_the_labs_own_file_beside_the_teams(file: Path, tmp_path: Path) -> None:
    file.write_text(GOOD)
    lab = tmp_path / "lab.toml"
    lab.write_text('[environments.lab]\nkind = "lab"\n[environments.staging]\nkind = "lab"\n')
    config = Config.load(file, lab)
    assert config.names == ("lab", "staging")
    assert config.kind("staging") is Kind.STAGING, "what the team wrote comes first"
    lab.write_text('[environments.lab]\nkind = "lab"\ntime_zon = "UTC"\n')
    with pytest.raises(InvalidConfig, match=re.escape(f"{lab}: environments.lab.time_zon: unknown key.")):
        Config.load(file, lab).environment("lab")


@pytest.mark.parametrize(
    ("written", "typo", "place", "meant"),
    [
        ("[environments.staging]", "[environment.staging]", "environment", "environments"),
        ("time_zone", "time_zon", "environments.staging.time_zon", "time_zone"),
        ("key =", "keyy =", "environments.staging.systems.test-lamp.keyy", "key"),
        ("roles =", "role =", "environments.staging.approvers.ada.role", "roles"),
        ("because =", "becuase =", "environments.staging.thresholds.check_lamp.watt.becuase", "because"),
        (".systems.", ".system.", "environments.staging.system", "systems"),
        (".approvers.", ".aprovers.", "environments.staging.aprovers", "approvers"),
        ("\n[environments.staging]", '[team]\nrunbook = "x"\n[environments.staging]', "team.runbook", "runbooks"),
    ],
)
def test_it_names_the_key_that_is_wrong_and_the_one_that_was_meant(
    file: Path, written: str, typo: str, place: str, meant: str
) -> None:
    assert written in GOOD
    said = complaint(file, GOOD.replace(written, typo, 1))
    assert said.startswith(f"{place}: unknown key. Did you mean {meant!r}? Known: ")


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ('"staging"', '"stagging"', "environments.staging.kind: Input should be 'production', 'staging' or 'lab'"),
        ('kind = "staging"', "", "environments.staging.kind: Field required"),
        (
            "Europe/Berlin",
            "Europe/Berlln",
            "environments.staging.time_zone: 'Europe/Berlln' is no IANA time zone; write one like 'Europe/Berlin'",
        ),
        (
            "Europe/Berlin",
            "../etc/passwd",
            "environments.staging.time_zone: '../etc/passwd' is no IANA time zone; write one like 'Europe/Berlin'",
        ),
        (
            "Europe/Berlin",
            "Europe",
            "environments.staging.time_zone: 'Europe' is no IANA time zone; write one like 'Europe/Berlin'",
        ),
        (
            'kind = "staging"',
            'kind = "staging"\nverification_hold_s = 3',
            "environments.staging: verification_hold_s is for the lab only; staging is staging",
        ),
        (
            'kind = "staging"',
            'kind = "staging"\napproval_expires_s = 0',
            "environments.staging.approval_expires_s: Input should be greater than 0",
        ),
        (
            '["dba", "on-call"]',
            '["dba", "king"]',
            "environments.staging.approvers.ada.roles.1: "
            "Input should be 'on-call', 'senior', 'dba', 'manager' or 'security'",
        ),
        (
            '["dba", "on-call"]',
            "[]",
            "environments.staging.approvers.ada.roles: Frozenset should have at least 1 item after validation, not 0",
        ),
        (
            "bad = 60",
            "bad = 50",
            "environments.staging.thresholds.check_lamp.watt: "
            "Threshold: warn and bad are both 50.0; one of them would never be said.",
        ),
        ("bad = 60, ", "", "environments.staging.thresholds.check_lamp.watt.bad: Field required"),
        (
            'key = "${LAMP_KEY}"',
            'key = "${LAMP_KEY}"\nwatt = 0',
            "environments.staging.systems.test-lamp.watt: Input should be greater than 0",
        ),
        (
            "key =",
            "watt =",  # the secret itself is what is wrong, and still not shown
            "environments.staging.systems.test-lamp.watt: "
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        (
            'key = "${LAMP_KEY}"',
            "key = 3",
            "environments.staging.systems.test-lamp.key: Input should be a valid string",
        ),
        (
            "${LAMP_KEY}",
            "${NO_SUCH_KEY}",
            "environments.staging.systems.test-lamp.key: "
            "the environment variable NO_SUCH_KEY is not set. Export it, then try again.",
        ),
        (
            "${LAMP_KEY}",
            "${LAMP_KEY} for 5 $",
            "environments.staging.systems.test-lamp.key: "
            "a lone '$'. Write ${NAME} for a variable, $$ for the sign.",
        ),
        ("systems.test-lamp]\nkey", "systems]\nkey", "environments.staging.systems.key: expected a table, "),
        ("approvers.ada]\nroles", "approvers]\nada", "environments.staging.approvers.ada: expected a table, "),
        ("thresholds.check_lamp]\nwatt", "thresholds]\nwatt", "environments.staging.thresholds.watt.warn: expected a "),
        ("\n[environments.staging]", "team = 3\n[environments.staging]", "team: expected a table, [team]."),
        ("[environments.staging]", "[environments.staging", "not valid TOML: "),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_and_where(file: Path, written: str, instead: str, said: str) -> None:
    assert written in GOOD
    assert complaint(file, GOOD.replace(written, instead, 1)).startswith(said)


def test_it_refuses_an_environment_that_is_no_table(file: Path) -> None:
    said = "environments.staging: expected a table, [environments.staging]."
    assert complaint(file, "[environments]\nstaging = 3\n") == said
    assert complaint(file, "environments = 3\n") == "environments: expected a table, [environments]."


def test_it_names_every_wrong_value_at_once(file: Path) -> None:
    text = GOOD.replace("Europe/Berlin", "Mars").replace('"dba"', '"king"')
    assert len(complaint(file, text).splitlines()) == 2


def test_it_refuses_a_drill_approver_in_production(file: Path) -> None:
    text = GOOD.replace('"staging"', '"production"').replace('"on-call"]', '"on-call"]\ndrill = true')
    said = complaint(file, text)
    assert said == "environments.staging: approver 'ada' is a drill approver; production takes people only"


def test_it_takes_a_drill_approver_and_a_short_hold_in_the_lab(file: Path) -> None:
    text = GOOD.replace('"staging"', '"lab"\nverification_hold_s = 3').replace('"on-call"]', '"on-call"]\ndrill = true')
    assert staging(file, text).verification_hold_s == 3


def test_it_names_the_nearest_environment(file: Path) -> None:
    file.write_text(GOOD)
    with pytest.raises(InvalidConfig) as refused:
        Config.load(file).environment("stagin")
    assert str(refused.value) == f"{file}: no environment 'stagin'. Known: staging. Did you mean 'staging'?"


def test_it_names_the_nearest_type_of_system(file: Path) -> None:
    said = complaint(file, GOOD.replace("systems.test-lamp", "systems.test-lmp"))
    assert said.startswith("environments.staging.systems.test-lmp: no system of type 'test-lmp'. Known: ")
    assert said.endswith("""Did you mean 'test-lamp'? Name the type with `type = "…"`.""")
    said = complaint(file, GOOD.replace("key =", "type = []\nkey ="))
    assert said.startswith("environments.staging.systems.test-lamp: no system of type '[]'.")


def test_it_needs_only_the_secrets_of_the_environment_it_is_asked_for(file: Path) -> None:
    file.write_text(GOOD + '[environments.production]\nkind = "production"\ntime_zone = "${NOT_HERE}"\n')
    config = Config.load(file)
    assert config.environment("staging").name == "staging"
    assert config.kind("production") is Kind.PRODUCTION
    assert config.time_zone("staging") == "Europe/Berlin"
    with pytest.raises(InvalidConfig, match="NOT_HERE is not set"):
        config.environment("production")


def test_it_refuses_an_unknown_kind_without_reading_secrets(file: Path) -> None:
    file.write_text('[environments.staging]\nkind = "prod"\n')
    with pytest.raises(InvalidConfig) as refused:
        Config.load(file).kind("staging")
    assert str(refused.value) == f"{file}: environments.staging.kind: write one of 'production', 'staging', 'lab'."


def test_it_writes_a_dollar_sign_where_two_stand(file: Path) -> None:
    lamp = staging(file, GOOD.replace("${LAMP_KEY}", "a$$b")).systems["test-lamp"]
    assert isinstance(lamp, Lamp)
    assert lamp.key.get_secret_value() == "a$b"


def test_it_does_not_read_a_secret_twice(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password may hold `${…}` itself."""
    monkeypatch.setenv("LAMP_KEY", "${HOME}")
    lamp = staging(file, GOOD).systems["test-lamp"]
    assert isinstance(lamp, Lamp)
    assert lamp.key.get_secret_value() == "${HOME}"


def test_it_shows_no_secret(file: Path) -> None:
    read = staging(file, GOOD.replace("${LAMP_KEY}", SECRET))
    assert SECRET not in f"{read!r} {read} {Config.load(file)!r} {read.model_dump_json()}"


@pytest.mark.parametrize("make", [Path.mkdir, lambda file: file.write_bytes(b"\xff\xfe")])
def test_it_names_a_file_that_cannot_be_read(file: Path, make: object) -> None:
    assert callable(make)
    make(file)
    with pytest.raises(InvalidConfig, match=re.escape(str(file))):
        Config.load(file)


def test_it_finds_the_teams_folders_beside_the_file(file: Path) -> None:
    file.write_text('[team]\nrunbooks = "ours/runbooks"\nsystems = "/srv/systems"\n')
    team = Config.load(file).team
    assert (team.runbooks, team.systems) == (file.parent / "ours/runbooks", Path("/srv/systems"))


def test_it_gives_the_lines_to_add_when_a_system_is_missing(file: Path) -> None:
    """The lines work as they are, although the parameter is not called like the type."""
    with pytest.raises(Refused) as refused:
        Environment(name="staging", kind=Kind.STAGING, systems={"shade": Shade()}).supply(asks)
    assert refused.value.says == "staging has no test-lamp configured."
    intro, _, lines = refused.value.remedy.partition("\n\n")
    assert intro == "Add to environments.toml:"
    added = staging(
        file, f'[environments.staging]\nkind = "staging"\n{lines}\n[environments.staging.systems.test-shade]'
    )
    assert isinstance(added.supply(asks)["test_lamp"], Lamp)


def test_it_reads_how_the_record_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('[record]\nanchors = ["a.jsonl", "s3://b/c", "/x"]\nannounce = ["${LAMP_KEY}"]\nkeep_days = 400\n')
    kept = Config.load(file).record
    assert kept.anchors == (str(file.parent / "a.jsonl"), "s3://b/c", "/x")
    assert (kept.announce, kept.announce_each, kept.keep_days) == ((SecretStr(SECRET),), "day", 400)
    monkeypatch.delenv("LAMP_KEY")
    # Whoever does not ask needs none of the secrets.
    config = Config.load(file)
    with pytest.raises(InvalidConfig, match=r"record\.announce\[0\]: the environment variable LAMP_KEY is not set"):
        _ = config.record


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('anchors = ["mailto://me"]', "record.anchors.0: write a file, or s3://bucket/prefix; addresses that are sent"),
        ('anchors = ["s3:///prefix"]', "record.anchors.0: write a file, or s3://bucket/prefix"),
        ("keep_days = 0", "record.keep_days: Input should be greater than or equal to 1"),
        ('announce_each = "minute"', "record.announce_each: Input should be 'hour' or 'day'"),
        ("keep_day = 400", "record.keep_day: unknown key. Did you mean 'keep_days'?"),
    ],
)
def test_it_says_what_is_wrong_with_how_the_record_is_kept(file: Path, line: str, says: str) -> None:
    file.write_text(f"[record]\n{line}\n")
    with pytest.raises(InvalidConfig, match=re.escape(says)):
        Config.load(file)

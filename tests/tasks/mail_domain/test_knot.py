"""Records published at a name server that is not ours: knot, as Debian has it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.ports import free_port
from tasks.mail_domain.actions import PublishRecords
from tasks.mail_domain.checks import check_declared_records, check_dkim, check_dmarc, check_spf
from tasks.mail_domain.system import MailDomain, Update
from tasks.model import Verdict
from tests.conftest import needs
from tests.tasks.mail_domain.nameservers import KEY_NAME, SECRET, START, txt
from tests.tasks.mail_domain.test_publish import PROOF, RECORDS, SPF

pytestmark = pytest.mark.strict("Asks Debian's knot; test_publish.py asks the lab's own name server.")
STARTS_WITHIN_S = 60.0
CONFIG = """
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
database:
    storage: "{folder}/db"
key:
  - id: {name}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: changes
    key: {name}
    action: update
template:
  - id: default
    storage: "{folder}"
zone:
  - domain: shop.test
    file: shop.test.zone
    acl: changes
  - domain: test
    file: test.zone
"""


@pytest.fixture
def knot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailDomain]:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin")
    (tmp_path / "db").mkdir()
    program = needs("knotd")
    port = free_port()
    for zone, more in {"test": "", "shop.test": f"{txt('@', PROOF)}\n{txt('@', 'v=spf1 a -all')}"}.items():
        (tmp_path / f"{zone}.zone").write_text(f"$TTL 300\n{START}{more}\n", encoding="utf-8")
    config = tmp_path / "knot.conf"
    config.write_text(CONFIG.format(folder=tmp_path, port=port, name=KEY_NAME, secret=SECRET), encoding="utf-8")
    at = f"127.0.0.1:{port}"
    update = Update(server=at, key_name=KEY_NAME, key=SecretStr(SECRET))
    given = MailDomain.model_validate(
        {"domain": "shop.test", "resolvers": [at], "authoritative": [at], "limit_s": 5, "selectors": ["s1"],
         "sends_from": ["192.0.2.10"], "records": RECORDS, "update": update, "blocklists": ()}
    )  # fmt: skip
    with subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + STARTS_WITHIN_S
            while given.authority() is None:
                assert time.monotonic() < until
                assert server.poll() is None, "knot did not start"
                time.sleep(0.1)
            yield given
        finally:
            server.terminate()


def test_it_publishes_exactly_what_is_declared_and_takes_it_back(knot: MailDomain) -> None:
    action = PublishRecords()
    plan = action.plan(knot)
    assert len(plan.commands) == 3
    outcome = action.apply(knot, plan)
    assert outcome.complete, outcome.says
    assert action.applied(knot, plan) is True
    for asked in (check_spf, check_dkim, check_dmarc, check_declared_records):
        found = asked.fn(knot)
        assert found.verdict is Verdict.OK, found.says
    assert set(knot.look("shop.test", "TXT").texts) == {SPF, PROOF}
    assert action.apply(knot, plan).complete
    back = action.undoing(plan, outcome)
    assert back is not None
    assert back.apply(knot, back.plan(knot)).complete
    assert set(knot.look("shop.test", "TXT").texts) == {"v=spf1 a -all", PROOF}
    assert knot.look("_dmarc.shop.test", "TXT").void


def test_a_wrong_key_is_told_from_a_wrong_record(knot: MailDomain) -> None:
    update = Update(server=knot.authoritative[0], key_name="other", key=SecretStr(SECRET))
    other = knot.model_copy(update={"update": update})
    outcome = PublishRecords().apply(other, PublishRecords().plan(other))
    assert "does not believe our signature (PeerBadKey)" in outcome.says

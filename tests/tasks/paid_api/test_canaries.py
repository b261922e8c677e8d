"""The keys of the four vendors are in nothing that is said, raised, shown or logged, whatever a vendor answers."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.lab import vendors as lab
from tasks.check import Check
from tasks.claude import checks as claude
from tasks.environment import Environment, Kind
from tasks.grok import checks as grok
from tasks.million_verifier import checks as million_verifier
from tasks.model import CannotLook
from tasks.unipile import checks as unipile
from tests.tasks.paid_api.conftest import CANARIES, SPARES, Standing, door

CHECKS: dict[str, list[Check[Any]]] = {
    # A status page is asked without a key.
    vendor: [one for one in vars(module).values() if isinstance(one, Check) and not one.name.endswith("_status")]
    for vendor, module in zip(lab.NAMES, (claude, grok, million_verifier, unipile), strict=True)
}


def repeating(secret: str, status: int) -> tuple[int, Any, dict[str, str]]:
    """A vendor that says what it was sent, wherever it can."""
    said = f"Bad key {secret} ({secret.upper()}, Bearer {secret})"
    error = {"type": said, "message": said}
    told = {"type": said, "error": said if status < 500 else error, "title": said, "detail": said, "message": said}
    return status, {**told, "status": {"indicator": said}, "items": [{"id": said, "type": said}]}, {"X-Said": secret}


@pytest.mark.parametrize("vendor", lab.NAMES)
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 429, 500, 529])
def test_no_key_is_told(
    standing: Standing, caplog: pytest.LogCaptureFixture, tmp_path: Path, vendor: str, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    key, spare = CANARIES[vendor], SPARES[vendor]
    file = tmp_path / "their-key"
    file.write_text(f"{key}\n", encoding="utf-8")
    one = door(standing, vendor, key=None, key_file=file, spare_key=SecretStr(spare))
    standing.instead = repeating(key, status)
    place = Environment(name="staging", kind=Kind.STAGING, systems={vendor: one})
    told = [repr(one), str(one), one.model_dump_json(), repr(one.at(one.key_now()))]
    for check in CHECKS[vendor]:
        try:
            told.append(repr(check.ask(place)))
        except CannotLook as error:
            told += [*traceback.format_exception(error), error.says, error.remedy]
    told += [repr(found) for found in one.examine()]
    # httpcore's own debugging writes down the headers of answers: what a vendor sends there is not ours.
    told += [line for line in caplog.text.splitlines() if "httpcore" not in line]
    assert standing.asked
    assert not [text for text in told if key in text or spare in text]


@pytest.mark.parametrize("vendor", lab.NAMES)
def test_a_key_goes_to_its_vendor_only(standing: Standing, vendor: str) -> None:
    """Sent on elsewhere, nothing is asked there."""
    standing.instead = 302, {}, {"Location": "http://example.invalid/take-it"}
    with pytest.raises(CannotLook, match="sends us on to"):
        door(standing, vendor).knock()
    assert all(method == "GET" for method, _ in standing.asked)

"""Does a seal open for its own key and matter alone?"""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from flows.case.sealed import seal, unseal
from flows.journal import Redactor
from tasks.model import Row

KEY = SecretStr("postgresql://runner:words@127.0.0.1/journal")
BODY: Row = {"plan": ["ana.pop@example.com", 1]}


def test_it_opens_for_its_own_key_and_matter() -> None:
    assert unseal(seal(BODY, KEY, "inc-1"), KEY, "inc-1") == BODY


@pytest.mark.parametrize(("key", "about"), [("another", "inc-1"), (KEY.get_secret_value(), "inc-2")])
def test_it_opens_for_no_other(key: str, about: str) -> None:
    """Moved from one incident's record into another's, it would have us take back what that one did."""
    assert unseal(seal(BODY, KEY, "inc-1"), SecretStr(key), about) is None


@pytest.mark.parametrize("sealed", ["", "00", "no digits", "00" * 40])
def test_what_is_no_seal_opens_for_nobody(sealed: str) -> None:
    assert unseal(sealed, KEY, "inc-1") is None


def test_it_shows_nothing_and_passes_through_redaction_as_it_is() -> None:
    sealed = seal(BODY, KEY, "inc-1")
    assert sealed != seal(BODY, KEY, "inc-1")
    assert "ana" not in sealed
    assert Redactor(["configured-secret"], emails=KEY).body({"sealed": sealed}) == {"sealed": sealed}

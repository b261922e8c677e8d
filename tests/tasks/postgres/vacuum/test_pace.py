"""How fast transaction numbers are used, and how long they last."""

from __future__ import annotations

import re

from tasks.model import Earlier
from tasks.postgres.vacuum.age import check_transaction_age
from tasks.postgres.values import number
from tests.tasks.postgres.conftest import Stage
from tests.tasks.postgres.counting import ask


def test_it_counts_transactions(stage: Stage) -> None:
    first = ask(stage, check_transaction_age)
    stage.admin("DO $$ BEGIN FOR n IN 1..2000 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$")

    found = ask(stage, check_transaction_age, first)

    assert found.value is not None
    assert first.value is not None
    # Somebody else's transactions may come on top; our own questions take none.
    assert 2000 <= found.value - first.value <= 2020
    assert number(found.facts["next"]) - number(first.facts["next"]) == found.value - first.value
    assert found.unit == "transactions"


def test_it_tells_how_long_the_numbers_last(stage18: Stage) -> None:
    first = ask(stage18, check_transaction_age)
    # A million an hour for the last hour.
    facts = {
        **first.facts,
        "at_s": number(first.facts["at_s"]) - 3600,
        "next": number(first.facts["next"]) - 1_000_000,
    }
    found = check_transaction_age.fn(stage18.door(), earlier=Earlier(at_s=0, value=0, facts=facts))

    assert re.search(r"after another 2,144,\d{3},\d{3}, in 89 days at the present pace\.$", found.says)

"""What receivers write about a message's authentication, with the policy that stands only in comments."""

from __future__ import annotations

import pytest

from tasks.mail.authentication import MOST_RESULTS, results
from tasks.mail.parts import LONGEST_FIELD, fields_of

LARGE = (
    "mx.example.net; dkim=pass header.i=@lab.example header.s=k1 header.b=abc; "
    "spf=pass (mx.example.net: domain of news@lab.example designates 192.0.2.1 as permitted sender) "
    "smtp.mailfrom=news@lab.example; dmarc=fail (p=REJECT sp=NONE dis=QUARANTINE) header.from=lab.example"
)


def field(*values: str) -> bytes:
    return "".join(f"Authentication-Results: {value}\n" for value in values).encode()


def test_it_reads_results_properties_and_policy() -> None:
    found = results(fields_of(field(LARGE)))
    assert found is not None
    assert found.by == "mx.example.net"
    assert [(one.method, one.result) for one in found.all] == [("dkim", "pass"), ("spf", "pass"), ("dmarc", "fail")]
    assert found.all[2].policy == {"p": "reject", "sp": "none", "dis": "quarantine"}
    assert found.all[2].properties == {"header.from": "lab.example"}
    assert found.all[0].properties["header.i"] == "@lab.example"
    assert (found.of("dkim"), found.of("arc")) == (("pass",), ())


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("mx.example.net; none", []),
        ("mx.example.net 1; spf=fail", [("spf", "fail")]),
        ("mx.example.net; DKIM/1 = Pass", [("dkim", "pass")]),
        ("(a (nested) comment; spf=fail) mx.example.net; spf=pass", [("spf", "pass")]),
        ('mx.example.net; spf=fail reason="a; dkim=pass (x" smtp.mailfrom=a@b.example', [("spf", "fail")]),
        ("mx.example.net; dkim=fail (never closed; dmarc=pass", [("dkim", "fail")]),
        ("mx.example.net; dkim=pass (a \\) b); dkim=fail", [("dkim", "pass"), ("dkim", "fail")]),
        ("mx.example.net;;; spf", []),
        ("mx.example.net;\n spf=none;\n\tdmarc=none", [("spf", "none"), ("dmarc", "none")]),
    ],
)
def test_it_reads_what_the_standard_allows(value: str, told: list[tuple[str, str]]) -> None:
    found = results(fields_of(field(value)))
    assert found is not None
    assert [(one.method, one.result) for one in found.all] == told


def test_it_believes_the_field_on_top_or_the_named_server() -> None:
    both = fields_of(field("mx.example.net; dmarc=fail", "mx.lab.example; dmarc=pass"))
    on_top, named = results(both), results(both, by="MX.lab.example")
    assert on_top is not None
    assert named is not None
    assert (on_top.of("dmarc"), named.of("dmarc")) == (("fail",), ("pass",))
    assert results(both, by="other.example") is None


@pytest.mark.parametrize("value", ["", ";", "(only a comment)"])
def test_nobody_wrote_it(value: str) -> None:
    assert results(fields_of(field(value))) is None
    assert results(fields_of(b"")) is None


@pytest.mark.parametrize("more", [0, 1])
def test_it_reads_no_more_results_than_it_says(more: int) -> None:
    found = results(fields_of(field("mx.example.net" + "; dkim=pass" * (MOST_RESULTS + more))))
    assert found is not None
    assert len(found.all) == MOST_RESULTS


def test_it_reads_no_longer_field_than_others_do() -> None:
    fields = fields_of(field("mx.example.net; spf=pass " + "(" * LONGEST_FIELD))
    found = results(fields)
    assert found is not None
    assert found.of("spf") == ("pass",)

"""The door to name servers: every way of not answering is told apart, and nothing is asked twice in a round."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import dns.edns
import dns.flags
import dns.message
import pytest

from tasks.dns.names import is_under, upwards, whole
from tasks.dns.system import Authority, Outcome, Resolver
from tasks.kept import asked_once, one_question, one_round
from tasks.model import CannotLook, Refused
from tasks.together import together
from tests.tasks.dns.replying import reply, replying

Query = dns.message.QueryMessage
# For a server that answers: how busy the machine is decides nothing.
PATIENCE_S = 60.0


def said_with(code: int, *, ede: int | None = None, text: str = "") -> Callable[[Query, bool], dns.message.Message]:
    def say(query: Query, _tcp: bool) -> dns.message.Message:
        said = reply(query, code=code)
        if ede is not None:
            said.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.make(ede), text)])
        return said

    return say


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(0, Outcome.NO_SUCH_RECORD), (2, Outcome.FAILED), (3, Outcome.NO_SUCH_NAME), (5, Outcome.REFUSED)],
)
def test_it_tells_apart_what_a_server_says(code: int, outcome: Outcome) -> None:
    with replying(said_with(code)) as server:
        assert Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT").outcome is outcome


@pytest.mark.parametrize("ede", [6, 7, 9, 10])
def test_a_failure_of_dnssec_is_named_by_its_extended_error(ede: int) -> None:
    with replying(said_with(2, ede=ede, text="signature\x1b[31m expired")) as server:
        looked = Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT")
    assert looked.outcome is Outcome.BOGUS
    assert "signature [31m expired" in looked.why


def test_a_failure_that_goes_away_without_validation_is_one_of_dnssec() -> None:
    def say(query: Query, _tcp: bool) -> dns.message.Message:
        return reply(query, code=0 if query.flags & dns.flags.CD else 2)

    with replying(say) as server:
        looked = Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT")
    assert looked.said == "DNSSEC failure (asked without validation, the same server answers)"


def test_an_extended_error_of_another_kind_is_quoted() -> None:
    with replying(said_with(2, ede=22, text="all servers down")) as server:
        looked = Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT")
    assert looked.said == "SERVFAIL (no reachable authority: all servers down)"


def test_what_is_too_long_is_asked_for_again_over_tcp_and_read_whole() -> None:
    strings = ['"' + "x" * 255 + '"'] * 250  # 64 kB, as long as an answer can be

    def say(query: Query, tcp: bool) -> dns.message.Message:
        if tcp:
            return reply(query, f"shop.test. 60 TXT {' '.join(strings)}")
        said = reply(query)
        said.flags |= dns.flags.TC
        return said

    with replying(say) as server:
        looked = Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT")
    assert looked.texts == ("x" * 255 * 250,)


def test_a_server_that_ends_the_connection_has_not_answered() -> None:
    def say(query: Query, tcp: bool) -> dns.message.Message | None:
        if tcp:
            return None
        said = reply(query)
        said.flags |= dns.flags.TC
        return said

    with replying(say) as server:
        looked = Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT")
    assert looked.outcome is Outcome.TIMED_OUT
    assert looked.why == "it ended the TCP connection without an answer"


def test_what_cannot_be_read_is_no_answer() -> None:
    with replying(lambda query, _tcp: query.to_wire()[:2] + b"\x84\x00\x00\x01") as server:
        assert Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT").outcome is Outcome.NONSENSE


def test_it_follows_aliases_and_says_through_which() -> None:
    chain = ("a.shop.test. 60 CNAME b.shop.test.", 'b.shop.test. 30 TXT "v=1"')
    with replying(lambda query, _tcp: reply(query, *chain)) as server:
        looked = Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("a.shop.test", "TXT")
    assert (looked.texts, looked.aliases, looked.ttl_s) == (("v=1",), ("b.shop.test",), 30)


def test_aliases_in_a_circle_are_no_answer() -> None:
    circle = ("a.shop.test. 60 CNAME b.shop.test.", "b.shop.test. 60 CNAME a.shop.test.")
    with replying(lambda query, _tcp: reply(query, *circle)) as server:
        looked = Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("a.shop.test", "TXT")
    assert looked.said == "no answer that can be read (its CNAMEs lead in a circle)"


def test_a_server_older_than_edns_is_asked_without_it() -> None:
    with replying(lambda query, _tcp: reply(query, code=1 if query.edns >= 0 else 3)) as server:
        assert (
            Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT").outcome is Outcome.NO_SUCH_NAME
        )


def test_the_next_server_is_asked_where_the_first_does_not_answer() -> None:
    with replying(said_with(5)) as closed, replying(said_with(3)) as open_one:
        looked = Resolver(servers=("127.0.0.1:1", closed.at, open_one.at), limit_s=12).look("shop.test", "TXT")
        assert looked.outcome is Outcome.NO_SUCH_NAME
        # Nobody answers: the one that says most about the name is believed.
        assert (
            Resolver(servers=("127.0.0.1:1", closed.at), limit_s=8).look("shop.test", "TXT").outcome is Outcome.REFUSED
        )


def test_a_server_that_refers_to_others_has_no_authority() -> None:
    with replying(lambda query, _tcp: reply(query, authoritative=False)) as server:
        looked = Authority(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT")
        assert looked.said == "REFUSED (it does not answer for this name itself)"
        assert (
            Resolver(servers=(server.at,), limit_s=PATIENCE_S).look("shop.test", "TXT").outcome
            is Outcome.NO_SUCH_RECORD
        )


def test_it_hears_each_authority_for_itself() -> None:
    with replying(said_with(3)) as one, replying(said_with(0)) as other:
        told = Authority(servers=(one.at, other.at), limit_s=PATIENCE_S).each("shop.test", "TXT")
    assert {at: looked.outcome for at, looked in told.items()} == {
        one.at: Outcome.NO_SUCH_NAME,
        other.at: Outcome.NO_SUCH_RECORD,
    }


def test_a_question_is_asked_once_in_a_round_however_many_ask_it() -> None:
    def slow(query: Query, _tcp: bool) -> dns.message.Message:
        time.sleep(0.2)
        return reply(query, code=3)

    with replying(slow) as server:
        resolver = Resolver(servers=(server.at,), limit_s=PATIENCE_S)
        ask = partial(resolver.look, "Shop.test.", "TXT")
        with one_round():
            found = together(dict.fromkeys(range(12), ask), until=time.monotonic() + 60)
            resolver.look("shop.test", "TXT")
        assert {type(one).__name__ for one in found.values()} == {"Looked"}
        assert server.times("shop.test.", "TXT") + server.times("Shop.test.", "TXT") == 1
        with one_round():
            resolver.look("shop.test", "TXT")
        assert server.times("shop.test.", "TXT") == 1
        # Outside a round nothing is remembered: an action has to see what it has done.
        resolver.look("shop.test", "TXT")
        assert server.times("shop.test.", "TXT") == 2


def test_what_could_not_be_asked_is_asked_again() -> None:
    tries: list[int] = []

    def ask() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise CannotLook("not now")
        return "yes"

    with one_question():
        with pytest.raises(CannotLook):
            asked_once("a", ask)
        assert asked_once("a", ask) == asked_once("a", ask) == "yes"
    assert len(tries) == 2


def test_who_waits_for_an_answer_hears_of_its_failure() -> None:
    begun, go = threading.Event(), threading.Event()

    def ask() -> str:
        begun.set()
        go.wait(30)
        raise CannotLook("the server is down")

    def second() -> str:
        begun.wait(30)
        threading.Timer(0.05, go.set).start()
        return asked_once("a", lambda: "never")

    with one_round():
        found = together({1: lambda: asked_once("a", ask), 2: second}, until=time.monotonic() + 60)
    # It waited, or came after the failure and asked for itself: never both.
    assert str(found[1]) == "the server is down"
    assert str(found[2]) in ("the server is down", "never")


@pytest.mark.parametrize("name", ["a" * 64 + ".test", "a..test", ".".join(["a" * 60] * 5)])
def test_what_is_no_name_is_refused_before_anybody_is_asked(name: str) -> None:
    with pytest.raises(Refused, match="is no name"):
        Resolver(servers=("127.0.0.1:1",)).look(name, "A")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.COM.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("_dmarc.example.com", "_dmarc.example.com"),
    ],
)
def test_it_reads_names_as_people_write_them(text: str, name: str) -> None:
    assert whole(text) == name


@pytest.mark.parametrize(
    "text", ["", ".", "a b.test", "a..test", "-a.test", "a" * 64 + ".test", "https://a.test", "x@a.test"]
)
def test_it_refuses_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no name of a domain"):
        whole(text)


def test_a_name_lies_under_itself_and_not_under_a_namesake() -> None:
    assert is_under("a.shop.test", "shop.test")
    assert is_under("shop.test", "shop.test")
    assert not is_under("bishop.test", "shop.test")
    assert list(upwards("a.shop.test")) == ["a.shop.test", "shop.test", "test"]

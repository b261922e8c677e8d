"""The spare key of each vendor put in place and back; links made for exactly the accounts that were shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deployments.lab import vendors as lab
from tasks.action import Action
from tasks.claude.actions import PutClaudeKeyBack, UseSpareClaudeKey
from tasks.grok.actions import PutGrokKeyBack, UseSpareGrokKey
from tasks.model import CannotLook, Refused, Risk
from tasks.paid_api.faults import revoke_key, untell
from tasks.unipile import links
from tasks.unipile.actions import MOST_LINKS, MakeReconnectLinks, PutUnipileKeyBack, UseSpareUnipileKey
from tasks.unipile.links import Link
from tasks.unipile.system import Unipile
from tests.tasks.paid_api.conftest import CANARIES, SPARES, Standing, door

KEYS: dict[str, tuple[type[Action], type[Action]]] = {
    lab.CLAUDE: (UseSpareClaudeKey, PutClaudeKeyBack),
    lab.GROK: (UseSpareGrokKey, PutGrokKeyBack),
    lab.UNIPILE: (UseSpareUnipileKey, PutUnipileKeyBack),
}


def keyed(standing: Standing, vendor: str, tmp_path: Path) -> Any:
    """A vendor whose key lies in a file, that has a spare one, and can be told to be ill."""
    file = tmp_path / f"{vendor}-key"
    file.write_text(f"{CANARIES[vendor]}\n", encoding="utf-8")
    file.chmod(0o640)
    trouble = tmp_path / lab.trouble_file(vendor)
    return door(standing, vendor, key=None, key_file=file, spare_key=SecretStr(SPARES[vendor]), drill_file=trouble)


@pytest.mark.parametrize("vendor", KEYS)
def test_the_spare_key_is_put_in_place_and_back_and_never_shown(
    standing: Standing, tmp_path: Path, vendor: str
) -> None:
    one, (use, put_back) = keyed(standing, vendor, tmp_path), KEYS[vendor]
    action = use()
    assert action.plan(one).does == "Nothing to replace: the key that is there is taken."
    told = revoke_key(one)
    plan = action.plan(one)
    assert one.key_now() == SecretStr(CANARIES[vendor])
    assert action.applied(one, plan=plan) is False
    outcome = action.apply(one, plan=plan)
    assert outcome.complete
    assert one.key_now() == SecretStr(SPARES[vendor])
    assert action.applied(one, plan=plan) is True
    assert one.key_file.stat().st_mode & 0o777 == 0o640
    back = action.undoing(plan, outcome)
    assert isinstance(back, put_back)
    back_plan = back.plan(one)
    assert back.apply(one, plan=back_plan).complete
    assert one.key_now() == SecretStr(CANARIES[vendor])
    shown = f"{plan} {outcome} {back_plan}"
    assert CANARIES[vendor] not in shown
    assert SPARES[vendor] not in shown
    untell(told)
    assert not one.drill_file.exists()


@pytest.mark.parametrize("vendor", KEYS)
def test_a_key_is_changed_only_where_it_is_refused(standing: Standing, tmp_path: Path, vendor: str) -> None:
    one, action = keyed(standing, vendor, tmp_path), KEYS[vendor][0]()
    standing.instead = 503, {}, {}
    with pytest.raises(CannotLook, match="cannot be told"):
        action.plan(one)
    standing.instead = 429, {}, {}
    with pytest.raises(CannotLook, match="cannot be told"):
        action.plan(one)
    standing.instead = 401, {}, {}
    with pytest.raises(Refused, match="The spare key is answered 401, too"):
        action.plan(one)
    assert one.key_now() == SecretStr(CANARIES[vendor])


def test_no_spare_key(standing: Standing) -> None:
    with pytest.raises(Refused, match="no spare key for Anthropic") as refused:
        UseSpareClaudeKey().plan(door(standing, lab.CLAUDE))
    assert "spare_key" in refused.value.remedy


@pytest.fixture
def unipile(standing: Standing, tmp_path: Path) -> Unipile:
    one: Unipile = door(standing, lab.UNIPILE, links_file=tmp_path / "links")
    return one


def lose(standing: Standing, **accounts: str) -> None:
    standing.tell_to(lab.UNIPILE, accounts={lab.ACCOUNTS[int(name[-1])]: status for name, status in accounts.items()})


def test_links_are_made_for_the_accounts_that_their_users_can_mend(
    standing: Standing, unipile: Unipile, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    lose(standing, a0="CREDENTIALS", a1="STOPPED", a2="PERMISSIONS")
    action = MakeReconnectLinks()
    plan = action.plan(unipile)
    assert [command.target for command in plan.commands] == [{"account": lab.ACCOUNTS[0]}, {"account": lab.ACCOUNTS[2]}]
    assert str(plan.blast_radius) == "2 of 3 accounts"
    assert plan.risk is Risk.LOW
    assert action.applied(unipile, plan=plan) is False
    outcome = action.apply(unipile, plan=plan)
    assert outcome.complete
    assert action.applied(unipile, plan=plan) is True
    file = unipile.links_file
    assert file is not None
    assert file.stat().st_mode & 0o777 == 0o600
    lines = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(account, url) for account, _, url in lines] == [
        (lab.ACCOUNTS[0], "https://account.unipile.example/lab"),
        (lab.ACCOUNTS[2], "https://account.unipile.example/lab"),
    ]
    # Who has a link can use it: it is in the file only.
    for shown in (str(plan), str(outcome), caplog.text):
        assert "account.unipile.example" not in shown
    # The lab's users follow at once; the one that is stopped is not theirs to mend.
    assert [one.status for one in unipile.accounts()] == ["OK", "STOPPED", "OK"]
    assert action.plan(unipile).commands == ()


def test_an_account_that_gets_no_link_is_told_and_left(standing: Standing, unipile: Unipile) -> None:
    lose(standing, a0="CREDENTIALS", a1="CREDENTIALS")
    action = MakeReconnectLinks()
    plan = action.plan(unipile)
    gone = plan.commands[1]
    several = standing.answer

    def answer(method: str, target: str, headers: Any, body: bytes) -> Any:
        if method == "POST" and lab.ACCOUNTS[1].encode() in body:
            return 404, {"type": "errors/resource_not_found", "title": "Gone"}, {}
        return several(method, target, headers, body)

    standing.answer = answer  # type: ignore[method-assign]
    outcome = action.apply(unipile, plan=plan)
    assert not outcome.complete
    assert outcome.not_done == [gone.target]
    assert outcome.says.startswith("1 of 2 links lie in")
    assert "(404: “Gone”)" in outcome.says
    assert action.applied(unipile, plan=plan) is False


def test_where_no_link_is_made_nothing_is_written(standing: Standing, unipile: Unipile) -> None:
    lose(standing, a0="CREDENTIALS")
    plan = MakeReconnectLinks().plan(unipile)
    standing.instead = 503, {}, {}
    with pytest.raises(CannotLook, match="No link was made"):
        MakeReconnectLinks().apply(unipile, plan=plan)
    assert unipile.links_file is not None
    assert not unipile.links_file.exists()


def test_without_a_file_no_link_is_made(standing: Standing) -> None:
    with pytest.raises(Refused, match="no file that links could be written into"):
        MakeReconnectLinks().plan(door(standing, lab.UNIPILE))
    assert standing.asked == []


def test_a_round_is_bounded(standing: Standing, unipile: Unipile) -> None:
    lost = [{"id": f"a{n}", "type": "LINKEDIN", "sources": [{"status": "CREDENTIALS"}]} for n in range(MOST_LINKS + 1)]
    standing.instead = 200, {"items": lost, "cursor": None}, {}
    plan = MakeReconnectLinks().plan(unipile)
    assert len(plan.commands) == MOST_LINKS
    assert "Another 1 in the next round." in plan.does
    # Nobody has followed a link yet, and the next round is about the others all the same.
    assert unipile.links_file is not None
    until, url = datetime.now(UTC) + timedelta(hours=1), SecretStr("https://example.com/x")
    links.write(unipile.links_file, [Link(account=f"a{n}", until=until, url=url) for n in range(MOST_LINKS)])
    second = MakeReconnectLinks().plan(unipile)
    assert [command.target for command in second.commands] == [{"account": f"a{MOST_LINKS}"}]
    links.write(unipile.links_file, [Link(account=f"a{MOST_LINKS}", until=until, url=url)])
    last = MakeReconnectLinks().plan(unipile)
    assert last.commands == ()
    assert last.does == "Nothing to do: each of 51 has a link in links that is still good."


def test_a_round_keeps_the_links_of_others_that_are_still_good(tmp_path: Path) -> None:
    now, file = datetime.now(UTC), tmp_path / "links"
    later = now + timedelta(hours=1)
    links.write(file, [_link("one", later, "a"), _link("two", later, "b"), _link("old", now, "c")])
    links.write(file, [_link("two", later, "d")])
    lines = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(account, url) for account, _, url in lines] == [
        ("one", "https://example.com/a"),
        ("two", "https://example.com/d"),
    ]


def _link(account: str, until: datetime, path: str) -> Link:
    return Link(account=account, until=until, url=SecretStr(f"https://example.com/{path}"))


def test_links_that_ended_are_no_links(tmp_path: Path) -> None:
    now, file = datetime.now(UTC), tmp_path / "links"
    url = SecretStr("https://example.com/x")
    links.write(
        file,
        [
            Link(account="good", until=now + timedelta(hours=1), url=url),
            Link(account="ended", until=now - timedelta(seconds=1), url=url),
        ],
    )
    with file.open("a", encoding="utf-8") as out:
        out.write("odd\nodder\tyesterday\tx\nnaive\t2999-01-01T00:00:00\tx\n")
    assert links.accounts_in(file) == {"good"}
    assert links.accounts_in(tmp_path / "none") == set()


def test_links_are_not_written_through_somebody_elses_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("theirs", encoding="utf-8")
    file = tmp_path / "links"
    file.symlink_to(victim)
    links.write(file, [Link(account="one", until=datetime.now(UTC), url=SecretStr("https://example.com/x"))])
    assert victim.read_text(encoding="utf-8") == "theirs"
    assert not file.is_symlink()
    with pytest.raises(Refused, match="cannot be written"):
        links.write(tmp_path / "no-folder" / "links", [])

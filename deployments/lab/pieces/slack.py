"""The lab's Slack."""

from __future__ import annotations

from deployments import accounts, private_file
from deployments.lab import slack
from deployments.lab.piece import Piece, Place, Values

PORT = "slack"


def _prepare(place: Place) -> None:
    place.afresh(f"{slack.TOKEN}.before")
    tokens = [f"xoxb-{accounts.new_password()}" for _ in range(2)]
    private_file.write(place.folder / slack.TOKENS, "\n".join(tokens))
    private_file.write(place.folder / slack.TOKEN, f"{tokens[0]}\n")


def _values(place: Place) -> Values:
    return {
        "url": f"http://127.0.0.1:{place.ports[PORT]}",
        "key_file": str(place.folder / slack.TOKEN),
        "spare_key": (place.folder / slack.TOKENS).read_text(encoding="utf-8").split()[1],
    }


PIECE = Piece(script=slack.__file__, ports=(PORT,), prepare=_prepare, values=_values)

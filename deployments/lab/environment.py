"""The lab as an environment: what `environments.toml` would say about it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from deployments.home import Home
from deployments.lab import beside
from deployments.lab.piece import Url


def text(home: Home, url: Url, ports: Mapping[str, int]) -> str:
    """The lab's own environments file. `url` gives a role its way to a database, `ports` are the servers'.

    It holds passwords: write it 0600.
    """
    own = resources.files(__package__).joinpath("environment.toml").read_text(encoding="utf-8")
    return "\n".join([own, *beside.environment(home, url, ports)])

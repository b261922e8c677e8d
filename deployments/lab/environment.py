"""The lab as an environment: what `environments.toml` would say about it."""

from __future__ import annotations

import json
from importlib import resources
from string import Template


def text(monitor_url: str, operator_url: str, app_url: str) -> str:
    """The lab's own environments file. Its URLs hold passwords: write it 0600."""
    urls = {"url": monitor_url, "action_url": operator_url, "drill_url": app_url}
    pattern = Template(resources.files(__package__).joinpath("environment.toml").read_text(encoding="utf-8"))
    # JSON's strings are TOML's; a '$' would be read as a variable when the file is loaded.
    return pattern.substitute({name: json.dumps(url.replace("$", "$$")) for name, url in urls.items()})

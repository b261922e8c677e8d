"""Systems made up for the tests of environments and their configuration."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from tasks.system import System


class Lamp(System):
    kind: ClassVar[str] = "test-lamp"
    config_lines: ClassVar[str] = 'key = "${LAMP_KEY}"'

    key: SecretStr = SecretStr("")
    watt: int = Field(default=40, gt=0)


class Shade(System):
    kind: ClassVar[str] = "test-shade"
    config_lines: ClassVar[str] = ""


def asks(test_lamp: Lamp, shade: Shade, count: int = 3) -> None: ...

#!/usr/bin/env bash
# pydantic takes a field as the first base has it, also where Python's method resolution order puts another class before.
#
# Versions: pydantic 2.14.3.
# Source:   pydantic/_internal/_fields.py (collect_model_fields): the fields of the bases are put together base by base,
#           the last one first; whether a base declares a field itself or only inherits it makes no difference.
# Guess:    of a diamond (Common requires `url`; WithAddress, a Common, gives it a default; Plain, a Common, says nothing
#           of it) class Both(Plain, WithAddress) has the default: in Both.__mro__ WithAddress stands before Common, and so
#           does every attribute, class variable and method of it.
# Seen:     `url` is required in Both(Plain, WithAddress), and has its default in Both(WithAddress, Plain). A method and a
#           ClassVar of WithAddress hold in both. Dataclasses of the standard library do the same with fields.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, the package cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "pydantic==2.14.3" 2>/dev/null || { echo "needs pydantic 2.14.3"; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import dataclasses
import sys
from typing import ClassVar

import pydantic


class Common(pydantic.BaseModel):
    said: ClassVar[str] = "common"
    url: str


class Plain(Common):
    pass


class WithAddress(Common):
    said: ClassVar[str] = "with address"
    url: str = "https://api.example.com"


class PlainFirst(Plain, WithAddress):
    pass


class AddressFirst(WithAddress, Plain):
    pass


@dataclasses.dataclass
class DataCommon:
    url: str


@dataclasses.dataclass
class DataPlain(DataCommon):
    pass


@dataclasses.dataclass
class DataWithAddress(DataCommon):
    url: str = "https://api.example.com"


@dataclasses.dataclass
class DataPlainFirst(DataPlain, DataWithAddress):
    pass


required = {one.__name__: one.model_fields["url"].is_required() for one in (PlainFirst, AddressFirst)}
default = {field.name: field.default for field in dataclasses.fields(DataPlainFirst)}["url"]
order = [one.__name__ for one in PlainFirst.__mro__]
print(f"method order: {order}")
print(f"url required: {required}; class variable in both: {PlainFirst.said!r}, {AddressFirst.said!r}")
print(f"a dataclass of the same shape: required: {default is dataclasses.MISSING}")
before = order.index("WithAddress") < order.index("Common")
as_seen = required == {"PlainFirst": True, "AddressFirst": False} and PlainFirst.said == AddressFirst.said
sys.exit(not (before and as_seen and default is dataclasses.MISSING))
PY

#!/usr/bin/env bash
# pytest-xdist's `--dist loadgroup` spreads the tests of one group over several processes, and says nothing.
#
# Versions: pytest-xdist 3.8.0 with pytest 9.2.0; the same with pytest 9.0.2 works. CPython 3.11.
# Source:   xdist/remote.py (`pytest_collection_modifyitems` writes `item._nodeid`), _pytest/nodes.py (9.2 keeps `_id`).
# Guess:    all tests marked `xdist_group("one")` run in one process, whatever pytest's version.
# Seen:     pytest 9.0.2: one process. 9.2.0: two or more, no warning. xdist tells the group to its scheduler by a suffix
#           of the node id, which it writes to an attribute that pytest 9.2 reads no more. What a group was to bring up
#           once (a server, a port, a folder) is brought up in each process, or fought over.
#
# Exit 0: as described. Exit 1: it behaves otherwise now.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
mkdir "$folder/tests"
cat >"$folder/tests/test_group.py" <<'PY'
import os
import time
from pathlib import Path

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(8))
def test_where(number):
    time.sleep(0.2)
    with Path(os.environ["SEEN"]).open("a") as seen:
        seen.write(os.environ["PYTEST_XDIST_WORKER"] + "\n")
PY

processes() { # with pytest $1, how many processes ran the one group
    "$folder/venv/bin/python" -m pip install -q --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0 2>/dev/null
    export SEEN=$folder/seen-$1
    (cd "$folder/tests" && "$folder/venv/bin/python" -m pytest -q -n 3 --dist loadgroup -p no:cacheprovider >/dev/null)
    sort -u "$SEEN" | wc -l
}

older=$(processes 9.0.2)
newer=$(processes 9.2.0)
echo "pytest 9.0.2: one group in $older process(es); pytest 9.2.0: in $newer"
[ "$older" -eq 1 ] && [ "$newer" -gt 1 ] || { echo "It behaves otherwise now."; exit 1; }

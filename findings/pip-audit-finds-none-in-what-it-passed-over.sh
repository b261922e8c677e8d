#!/usr/bin/env bash
# pip-audit says "No known vulnerabilities found" and ends with 0 where it has looked at no package at all.
#
# Versions: pip-audit 2.10.1 from PyPI.
# Source:   pip_audit/_service/pypi.py (what PyPI does not know becomes a SkippedDependency), pip_audit/_cli.py (only
#           vulnerabilities and --strict change the exit code).
# Guess:    a requirement that its source does not know is told as a failure, or at least the run does not say that
#           nothing is known of it.
# Seen:     with a name that is not on PyPI, as every package of a team's own index, the JSON holds a `skip_reason` in
#           place of `vulns`, standard error says that no known vulnerabilities were found, and the exit code is 0. With
#           --strict it is 1. Whoever reads the JSON has to count what was passed over.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, the package or PyPI cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check pip-audit==2.10.1 2>/dev/null ||
    { echo "needs pip-audit 2.10.1 from PyPI"; exit 2; }
cd "$folder"
echo "a-package-of-our-own-index==1.0" >requirements.txt
audit() { venv/bin/pip-audit -r requirements.txt --no-deps --disable-pip --progress-spinner off -f json "$@"; }
code=0
audit >told.json 2>said || code=$?
grep -q "Traceback" said && { echo "needs a way to PyPI"; exit 2; }
strict=0
audit --strict >/dev/null 2>&1 || strict=$?
cat told.json
grep "vulnerabilities" said || true
echo "exit code $code, with --strict $strict"
grep -q '"skip_reason"' told.json && ! grep -q '"vulns"' told.json && grep -q "No known vulnerabilities found" said &&
    [ "$code" = 0 ] && [ "$strict" = 1 ]

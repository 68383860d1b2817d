#!/usr/bin/env bash
# Runs a command for whose tests Parquet files are read by somebody else's reader:
#
#   tests/services/pyarrow.sh cargo nextest run -p scanledger --test cli
#
# The reader is Apache Arrow's own in C++ (https://pypi.org/project/pyarrow), installed into the target folder. The
# command finds in its environment
#
#   SCANLEDGER_TEST_PYARROW   a Python that has it
set -euo pipefail

pyarrow_version=26.0.1

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=${CARGO_TARGET_DIR:-$root/target}/pyarrow/venv-$pyarrow_version

if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "pyarrow==$pyarrow_version"
    touch "$venv/complete"
fi

export SCANLEDGER_TEST_PYARROW=$venv/bin/python
"$@"

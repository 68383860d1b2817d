#!/usr/bin/env bash
# Runs a command with an S3 server beside it, for the tests that need one:
#
#   infra/blobs/tests/with-moto.sh cargo nextest run -p scanledger-blobs
#
# The server is moto (https://github.com/getmoto/moto), installed into the target folder. It listens on a free
# port of this machine, keeps everything in memory and ends with the command, whose exit code is handed on.
set -euo pipefail

moto_version=5.2.5
bucket=scanledger-test

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
home=${CARGO_TARGET_DIR:-$root/target}/moto
venv=$home/venv-$moto_version

if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$moto_version"
    touch "$venv/complete"
fi

log=$(mktemp "$home/server.XXXXXX")
port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"' EXIT

"$venv/bin/python" - "$port" "$bucket" <<'PYTHON' || { cat "$log" >&2; exit 1; }
import sys, time, urllib.error, urllib.request

port, bucket = sys.argv[1:]
for attempt in range(300):
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/{bucket}", method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        sys.exit(0)
    except (urllib.error.URLError, ConnectionError):
        time.sleep(0.1)
sys.exit("the S3 server did not start")
PYTHON

SCANLEDGER_TEST_S3="http://127.0.0.1:$port" "$@"

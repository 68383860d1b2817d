#!/usr/bin/env bash
# Runs a command with an OpenID Connect provider beside it, for the tests that need one:
#
#   tests/services/oidc.sh cargo nextest run -p scanledger-sign-in
#
# The provider is https://pypi.org/project/oidc-provider-mock, installed into the target folder. It signs real tokens
# with a key of its own (RS256), knows whoever is registered over HTTP (`POST /oauth2/clients`, `PUT /users/<subject>`),
# and lets a `POST` of `sub=<subject>` to the authorization URL stand for a person who agrees. It listens on a free port
# of this machine, keeps everything in memory and ends with the command, whose exit code is handed on. The command finds
# in its environment
#
#   SCANLEDGER_TEST_OIDC   the issuer
set -euo pipefail

provider_version=0.3.4
# The library below it, whose next major version has another interface.
authlib_version=1.9.9

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
home=${CARGO_TARGET_DIR:-$root/target}/oidc
venv=$home/venv-$provider_version-$authlib_version

if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        "oidc-provider-mock==$provider_version" "authlib==$authlib_version"
    touch "$venv/complete"
fi

log=$(mktemp "$home/server.XXXXXX")
port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$venv/bin/oidc-provider-mock" -H 127.0.0.1 -p "$port" --require-nonce >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"' EXIT

"$venv/bin/python" - "$port" <<'PYTHON' || { cat "$log" >&2; exit 1; }
import sys, time, urllib.error, urllib.request

for attempt in range(300):
    try:
        address = f"http://127.0.0.1:{sys.argv[1]}/.well-known/openid-configuration"
        urllib.request.urlopen(address, timeout=10).close()
        sys.exit(0)
    except (urllib.error.URLError, ConnectionError):
        time.sleep(0.1)
sys.exit("the OpenID Connect provider did not start")
PYTHON

SCANLEDGER_TEST_OIDC="http://127.0.0.1:$port" "$@"

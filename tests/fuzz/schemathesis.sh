#!/usr/bin/env bash
# Sends every route of the OpenAPI document what fits it and what does not, as administrators and as a developer, and
# holds the answers against the document:
#
#   cargo build && tests/fuzz/schemathesis.sh
#   tests/fuzz/schemathesis.sh --seed 7 --include-path /api/projects
#
# No answer may be a server error, have a status or a media type that the document does not name, or a body of another
# shape. The generator is https://pypi.org/project/schemathesis, installed into the target folder; further arguments go
# to it. Each of the three has a server for itself: the built `scanledger` on a free port of this machine, with data of
# its own that is removed afterwards, and without rate limits, because everything comes from one address.
set -euo pipefail

schemathesis_version=4.32.5
examples=12
# The same requests every time, so that a change is to blame when one fails; `--seed` asks for others.
seed=4
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
venv=$target/schemathesis/venv-$schemathesis_version
scanledger=$target/debug/scanledger

if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$schemathesis_version"
    touch "$venv/complete"
fi

home=$(mktemp -d "${TMPDIR:-/tmp}/scanledger-fuzz.XXXXXX")
asking=()
stop() {
    if [ ${#asking[@]} -gt 0 ]; then
        kill "${asking[@]}" 2>/dev/null || true
        wait "${asking[@]}" 2>/dev/null || true
    fi
    rm -rf "$home"
}
trap stop EXIT

for name in $(compgen -e SCANLEDGER_ || true); do
    unset "$name"
done
password="the password of an administrator"

# A key that ends itself could ask for nothing else, and since tokens are numbered from 1, guesses find the key. Who has
# signed in sends these too; what they do with a key is in tests/http/gitguardian_tokens.rs.
no_end=(--exclude-name-regex '^(DELETE .*/api_tokens/|POST .*/token/revoke)')

# serve FOLDER: starts a server with data of its own there, and sets `server` and `url`.
serve() {
    export SCANLEDGER_DATA=$1/data
    "$scanledger" setup --organization Acme --email ana@example.org --password-stdin <<<"$password" >"$1/setup.json"
    SCANLEDGER_RATE_LIMITS=off "$scanledger" serve --listen 127.0.0.1:0 --log-level warn \
        >"$1/address" 2>"$1/server.log" &
    server=$!
    client=
    # shellcheck disable=SC2086 # there may be no client
    trap 'kill "$server" $client 2>/dev/null; wait "$server" 2>/dev/null' EXIT
    for _ in $(seq 300); do
        if [ -s "$1/address" ] || ! kill -0 "$server" 2>/dev/null; then
            break
        fi
        sleep 0.1
    done
    url=$(grep -o 'http://[0-9.:]*' "$1/address" | head -n 1) || { cat "$1/server.log" >&2; exit 1; }
    "$scanledger" key create --name developer --role developer >"$1/developer"
    "$venv/bin/python" "$root/tests/fuzz/world.py" "$url" "$1" "$password"
}

# fuzz FOLDER CREDENTIAL A-ROUTE-FOR-THEM: asks as who has the credential that lies in FOLDER under that name.
#
# One worker: threads trip over each other in Python 3.11 (`AST constructor recursion depth mismatch`). `warnings` would
# list routes that were answered 404 again and again, as ids that nobody has are.
fuzz() {
    local failed= token
    serve "$1"
    token=$(cat "$1/$2")
    "$venv/bin/st" --config-file "$1/schemathesis.toml" run "$url/openapi.json" \
        --header "Authorization: Bearer $token" --checks "$checks" --phases coverage,fuzzing --max-examples "$examples" \
        --continue-on-failure --no-shrink --workers 1 --request-timeout 30 --warnings off \
        --generation-database none --suppress-health-check all --seed "$seed" "${@:4}" &
    # Behind the shell, so that it ends with it.
    client=$!
    wait "$client" || failed=1
    client=
    # Who was thrown out on the way was refused everything from there on, which proves nothing.
    "$venv/bin/python" - "$url$3" "$token" <<'PYTHON' || failed=1
import sys, requests

answer = requests.get(sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"}, timeout=30)
if not answer.ok:
    sys.exit(f"the credential is no longer good: {answer.status_code} {answer.text}")
PYTHON
    if grep -E ' (ERROR|PANIC) ' "$1/server.log"; then
        echo "the server's log has errors"
        failed=1
    fi
    [ -z "$failed" ]
}

# Side by side, since each waits for its server half of the time.
callers=("a developer's key" "the administrator's key of the set-up" "a super administrator who has signed in")
credentials=(developer key session)
routes=(/api/scans /api/scans /auth/me)
for n in "${!callers[@]}"; do
    mkdir "$home/$n"
    own=()
    if [ "${credentials[$n]}" != session ]; then
        own=("${no_end[@]}")
    fi
    (fuzz "$home/$n" "${credentials[$n]}" "${routes[$n]}" "${own[@]}" "$@") >"$home/$n/printed" 2>&1 &
    asking+=($!)
done
failed=
for n in "${!callers[@]}"; do
    status=0
    wait "${asking[$n]}" || status=$?
    unset "asking[$n]"
    printf -- '-- as %s\n' "${callers[$n]}"
    cat "$home/$n/printed"
    if [ "$status" -ne 0 ]; then
        failed=1
    fi
done
if [ -n "$failed" ]; then
    exit 1
fi

#!/usr/bin/env bash
# The vendors' own clients, unchanged, against a server that was just set up:
#
#   cargo build && tests/clients/run.sh
#   tests/clients/run.sh ggshield semgrep-1.93.0
#
# Each client is installed from PyPI into the target folder. Where the package registry is out of reach and a client is
# not there yet, its checks are left out with a message; everything else fails the run. One line for each check. The
# server is the built `scanledger` on a free port of this machine, with data of its own that is removed afterwards.
set -euo pipefail

ggshield_version=1.56.1
semgrep_versions=(1.182.0 1.93.0)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
clients=$target/clients
scanledger=$target/debug/scanledger
wanted=" ${*:-ggshield rules semgrep-1.182.0 semgrep-1.93.0 together} "

home=$(mktemp -d "${TMPDIR:-/tmp}/scanledger-clients.XXXXXX")
server=
stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$home"
}
trap stop EXIT

# installed NAME PACKAGE...: whether the folder of that name has them, after trying.
installed() {
    local venv=$clients/$1
    if [ -e "$venv/complete" ]; then
        return
    fi
    rm -rf "$venv"
    python3 -m venv "$venv"
    if "$venv/bin/pip" install --quiet --disable-pip-version-check "${@:2}" 2>"$home/pip.log"; then
        touch "$venv/complete"
        return
    fi
    cat "$home/pip.log" >&2
    if "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$home/probe" pip >/dev/null 2>&1; then
        echo "$1 could not be installed, and the package registry answers" >&2
        exit 1
    fi
    echo "LEFT OUT: $1 is not installed, and the package registry is out of reach"
    return 1
}

for name in $(compgen -e SCANLEDGER_ || true); do
    unset "$name"
done
export SCANLEDGER_DATA=$home/data

start() {
    "$scanledger" setup --organization Acme --email ana@example.org >"$home/setup.json"
    SCANLEDGER_RATE_LIMITS=off "$scanledger" serve --listen 127.0.0.1:0 --log-level warn \
        >"$home/address" 2>"$home/server.log" &
    server=$!
    for _ in $(seq 300); do
        if [ -s "$home/address" ] || ! kill -0 "$server" 2>/dev/null; then
            break
        fi
        sleep 0.1
    done
    SERVER=$(grep -o 'http://[0-9.:]*' "$home/address" | head -n 1) || { cat "$home/server.log" >&2; exit 1; }
    KEY=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["apiKey"])' "$home/setup.json")
}

failed=
# check NAME COMMAND...: runs the checks of a client with a home of their own. Nothing else of the environment is
# theirs: clients that find themselves in a CI system colour what they print and look for commits elsewhere.
check() {
    printf -- '-- %s\n' "$1"
    local place=$home/$1
    mkdir -p "$place"
    env -i PATH="$PATH" LANG=C.UTF-8 HOME="$place" TMPDIR="$place" SERVER="$SERVER" KEY="$KEY" "${@:2}" ||
        { echo "FAILED: $1"; failed=1; }
}

start
if [[ $wanted == *" ggshield "* ]] && installed "ggshield-$ggshield_version" "ggshield==$ggshield_version"; then
    bin=$clients/ggshield-$ggshield_version/bin
    check ggshield env GGSHIELD="$bin/ggshield" bash "$root/tests/clients/ggshield.sh"
    check pygitguardian "$bin/python" "$root/tests/clients/pygitguardian_calls.py"
fi
for version in "${semgrep_versions[@]}"; do
    # Engines of that age import pkg_resources.
    installed "semgrep-$version" "semgrep==$version" 'setuptools<81' || continue
    bin=$clients/semgrep-$version/bin
    if [[ $wanted == *" rules "* ]]; then
        check "rules-$version" env SEMGREP="$bin/semgrep" PATH="$bin:$PATH" bash "$root/tests/clients/rules.sh"
    fi
    if [[ $wanted == *" semgrep-$version "* ]]; then
        check "semgrep-$version" env SEMGREP="$bin/semgrep" PATH="$bin:$PATH" bash "$root/tests/clients/semgrep.sh"
    fi
done
if [[ $wanted == *" together "* ]] && [ -e "$clients/ggshield-$ggshield_version/complete" ] &&
    [ -e "$clients/semgrep-${semgrep_versions[0]}/complete" ]; then
    bin=$clients/semgrep-${semgrep_versions[0]}/bin
    check together env GGSHIELD="$clients/ggshield-$ggshield_version/bin/ggshield" SEMGREP="$bin/semgrep" \
        PATH="$bin:$PATH" "$clients/ggshield-$ggshield_version/bin/python" "$root/tests/clients/together.py"
fi

if grep -E ' (ERROR|PANIC) ' "$home/server.log" >&2; then
    echo "the server's log has errors" >&2
    failed=1
fi
if [ -n "$failed" ]; then
    exit 1
fi

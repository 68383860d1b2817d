#!/usr/bin/env bash
# Runs a command with a NATS server of its own beside it, for the tests that need one:
#
#   tests/services/nats.sh cargo nextest run -p scanledger-bus-nats
#
# Takes the `nats-server` on the path, and `openssl`, with which tests make certificates; installs Debian's where one is
# missing and `apt-get` may do that. The server has JetStream, keeps its data in a temporary folder (TMPDIR says where),
# listens on a free port of this machine, and ends with the command, whose exit code is handed on. The command finds in
# its environment
#
#   SCANLEDGER_TEST_NATS       the server's URL
#   SCANLEDGER_TEST_NATS_BIN   the program, for servers that a test starts and stops
set -euo pipefail

PATH=$PATH:/usr/sbin:/usr/local/sbin
if ! command -v nats-server >/dev/null || ! command -v openssl >/dev/null; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq nats-server openssl
fi
bin=$(command -v nats-server)

home=$(mktemp -d "${TMPDIR:-/tmp}/scanledger-nats.XXXXXX")
server=
stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$home"
}
trap stop EXIT

"$bin" -a 127.0.0.1 -p -1 -js -sd "$home/data" --ports_file_dir "$home" >"$home/server.log" 2>&1 &
server=$!

# The server writes down which port it took.
url=
for _ in $(seq 300); do
    url=$(sed -n 's/.*"nats":[^"]*"\(nats:[^"]*\)".*/\1/p' "$home"/*.ports 2>/dev/null || true)
    if [ -n "$url" ] || ! kill -0 "$server" 2>/dev/null; then
        break
    fi
    sleep 0.1
done
if [ -z "$url" ]; then
    cat "$home/server.log" >&2
    exit 1
fi

export SCANLEDGER_TEST_NATS=$url
export SCANLEDGER_TEST_NATS_BIN=$bin
"$@"

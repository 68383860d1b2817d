#!/usr/bin/env bash
# Measures durable appends of the log on PostgreSQL beside other event-sourcing libraries, and prints one table:
#
#   benches/peers/run.sh
#
# Needs cargo, Python with venv, Node with npm, and their registries. What is installed goes into a temporary folder
# (TMPDIR says where), and so does the server's data: a RAM disk measures nothing, because flushing is free there.
# PEERS_PROCESSES says how many processes the libraries of other languages run in, each; 1 2 unless told.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target/peers}
processes=${PEERS_PROCESSES:-1 2}

"${CARGO:-cargo}" build --quiet --release --locked --manifest-path "$here/Cargo.toml" --target-dir "$target"

home=$(mktemp -d "${TMPDIR:-/tmp}/scanledger-peers.XXXXXX")
trap 'rm -rf "$home"' EXIT
cp "$here"/peers.* "$here/package.json" "$home"
python3 -m venv "$home/python"
"$home/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
(cd "$home" && npm install --silent --no-audit --no-fund --no-package-lock >/dev/null)

scripts=()
for n in $processes; do
    scripts+=("eventsourcing (Python)" "$n" "$home/python/bin/python" "$home/peers.py")
    scripts+=("emmett-postgresql (Node)" "$n" node "$home/peers.mjs")
done
"$root/tests/services/postgres.sh" "$target/release/peers" "${scripts[@]}"

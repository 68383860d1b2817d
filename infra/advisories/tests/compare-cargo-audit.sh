#!/bin/bash
# Compares our matches with cargo audit's, from the same advisories.
#
#   tests/compare-cargo-audit.sh crates.io.zip          the stored lockfiles; rewrites what the test expects
#   tests/compare-cargo-audit.sh crates.io.zip LOCK...  shows what cargo audit finds in other lockfiles
#
# The zip is OSV's export of crates.io (https://osv-vulnerabilities.storage.googleapis.com/crates.io/all.zip).
# Needs cargo-audit; looks nothing up in the network.
set -euo pipefail
cargo=${CARGO:-cargo}

osv=$(realpath "${1:?usage: compare-cargo-audit.sh crates.io.zip [LOCK...]}")
shift
locks=()
for lock in "$@"; do locks+=("$(realpath "$lock")"); done
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$cargo" build --quiet --example cargo_audit
tool=$("$cargo" metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/examples/cargo_audit
"$tool" database "$osv" "$work/db"

audit() {
    # cargo audit fails when it finds something; that it ran is seen by its report.
    rm -f "$work/report.json"
    cargo audit --db "$work/db" --no-fetch --json -f "$1" >"$work/report.json" 2>"$work/log" || true
    [[ -s $work/report.json ]] || { cat "$work/log" >&2; exit 1; }
    "$tool" list "$work/report.json"
}

if ((${#locks[@]})); then
    for lock in "${locks[@]}"; do
        echo "$lock"
        audit "$lock"
    done
    exit
fi
"$tool" extract "$osv" tests/data/lockfiles/crates.io.zip tests/data/lockfiles/*.lock
for lock in tests/data/lockfiles/*.lock; do
    audit "$lock" >"$work/list.json"
    mv "$work/list.json" "${lock%.lock}.json"
done
"$cargo" test --quiet --test cargo_audit

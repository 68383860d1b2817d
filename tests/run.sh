#!/usr/bin/env bash
# Everything that has to hold before a change is taken: what CI runs, and what to run before a commit.
#
#   bash tests/run.sh
#
# Needs a Rust toolchain with rustfmt and clippy (rustup reads the version from Cargo.toml's `rust-version`), and
# Python 3 with venv, PostgreSQL and nats-server, which are installed where `apt-get` may do that. Uses cargo-nextest
# and cargo-deny if they are there. One profile, so that nothing is compiled twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() {
    printf '\n== %s (%s s)\n' "$*" "$SECONDS"
}

# Every server that tests talk to is started for them alone, and ended with them.
with_services() {
    tests/services/postgres.sh tests/services/nats.sh tests/services/pyarrow.sh infra/blobs/tests/with-moto.sh "$@"
}

install_venv() {
    if python3 -c 'import ensurepip, venv' 2>/dev/null; then
        return
    fi
    step "install python3-venv, for the S3 server of the tests"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq python3 python3-venv
}

install_venv

step "format"
cargo fmt --all --check

step "clippy"
cargo clippy --workspace --all-targets --locked -- -D warnings

step "tests"
if cargo nextest --version >/dev/null 2>&1; then
    with_services cargo nextest run --workspace --locked --no-fail-fast
else
    with_services cargo test --workspace --locked --no-fail-fast --lib --bins --tests
fi

step "examples in the documentation"
cargo test --workspace --locked --doc

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

if cargo deny --version >/dev/null 2>&1; then
    step "licences, bans and sources of dependencies"
    cargo deny --all-features check licenses bans sources
else
    step "cargo-deny is not there: licences of dependencies are not checked"
fi

step "everything holds"

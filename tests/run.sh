#!/usr/bin/env bash
# Everything that has to hold before a change is taken: what CI runs, and what to run before a commit.
#
#   bash tests/run.sh
#
# Needs a Rust toolchain, as new as Cargo.toml's `rust-version` or newer, with rustfmt and clippy, and a C compiler; and
# Python 3 with venv, PostgreSQL, nats-server, openssl and strace, which are installed with `apt-get` where they are
# missing, as root or through sudo. Crates, and Python packages (servers and clients that tests talk to, into the target
# folder), come from the network the first time. Uses cargo-nextest and cargo-deny if they are there. One profile, so
# that nothing is compiled twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -n "${CI:-}" ]; then
    # A machine that compiles everything once has no use for what makes the next time faster, as many gigabytes again,
    # nor for line numbers in backtraces, which are much of the time that linking takes.
    export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=false
fi

step() {
    printf '\n== %s (%s s)\n' "$*" "$SECONDS"
}

# Every server that tests talk to is started for them alone, and ended with them.
with_services() {
    tests/services/postgres.sh tests/services/nats.sh tests/services/pyarrow.sh infra/blobs/tests/with-moto.sh \
        tests/services/smtp.sh tests/services/oidc.sh "$@"
}

# What a package of Debian's is installed for, and the package.
install() {
    step "install ${*:2}, for $1"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq "${@:2}"
}

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    install "servers of the tests" python3 python3-venv
fi
if ! command -v strace >/dev/null; then
    install "the test that counts flushes" strace
fi
# Some containers let nobody trace. Where it is allowed, the test has to run.
unchecked=
if strace -f -e trace=fdatasync -o /dev/null true 2>/dev/null; then
    export SCANLEDGER_TEST_STRACE=1
else
    unchecked="NOT CHECKED: that every batch is flushed to the disk, because strace may not trace here"
    printf '\n%s\n' "$unchecked" >&2
fi

step "format"
cargo fmt --all --check

step "clippy"
cargo clippy --workspace --all-targets --locked -- -D warnings

# Everything that is off by default, and then nothing that can be left out. Over the whole workspace, so that all that
# the features do not touch is what the step before has checked already. Tests use what is there by default.
step "clippy, with other features"
cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
cargo clippy --workspace --lib --bins --no-default-features --locked -- -D warnings
if [ -n "$(cargo tree --workspace --locked --edges normal,build --invert ring 2>/dev/null)" ]; then
    echo "ring is in the build without the feature kurrentdb, where nothing may bring it" >&2
    exit 1
fi

step "tests"
if cargo nextest --version >/dev/null 2>&1; then
    with_services cargo nextest run --workspace --locked --no-fail-fast
else
    with_services cargo test --workspace --locked --no-fail-fast --lib --bins --tests --examples
fi

# Side by side, each with a server of its own: the one mostly waits for the other's processor.
step "the vendors' own clients, and requests by the OpenAPI document, those that fit it and those that do not"
clients_printed=$(mktemp)
clients=
trap 'rm -f "$clients_printed"; [ -z "$clients" ] || kill "$clients" 2>/dev/null || true' EXIT
tests/clients/run.sh >"$clients_printed" 2>&1 &
clients=$!
fuzz_status=0
tests/fuzz/schemathesis.sh || fuzz_status=$?
clients_status=0
wait "$clients" || clients_status=$?
cat "$clients_printed"
if [ "$fuzz_status" -ne 0 ] || [ "$clients_status" -ne 0 ]; then
    echo "requests by the document: $fuzz_status, clients: $clients_status" >&2
    exit 1
fi

step "tests, with other features"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run -p scanledger-log-kurrentdb --features client --locked --no-fail-fast
else
    cargo test -p scanledger-log-kurrentdb --features client --locked --no-fail-fast --lib --bins --tests
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

if [ -n "$unchecked" ]; then
    step "everything else holds. $unchecked"
    exit
fi
step "everything holds"

#!/usr/bin/env bash
# Runs a command with a PostgreSQL server of its own beside it, for the tests that need one:
#
#   tests/services/postgres.sh cargo nextest run -p scanledger-log-postgres
#
# Takes the newest server found under /usr/lib/postgresql, and installs Debian's where there is none and `apt-get`
# may do that. The server keeps its data in a temporary folder (TMPDIR says where) and flushes every commit to it,
# listens on a free port of this machine and a socket in that folder, and ends with the command, whose exit code is
# handed on. The command finds in its environment
#
#   SCANLEDGER_TEST_POSTGRES       the URL of a database in which it may make others
#   SCANLEDGER_TEST_POSTGRES_BIN   the folder of the server's programs, for servers that a test starts and stops
set -euo pipefail

newest() {
    find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1
}

# PostgreSQL refuses to run as root.
as_user=()
if [ "$(id -u)" -eq 0 ]; then
    as_user=(runuser -u postgres --)
fi

if [ -z "$(newest)" ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq postgresql
fi
server=$(newest)
if [ -z "$server" ]; then
    echo "no PostgreSQL server under /usr/lib/postgresql" >&2
    exit 1
fi
bin=$(dirname "$server")
if [ "$(id -u)" -eq 0 ] && ! id postgres >/dev/null 2>&1; then
    useradd --system --no-create-home postgres
fi

home=$(mktemp -d "${TMPDIR:-/tmp}/scanledger-postgres.XXXXXX")
if [ "$(id -u)" -eq 0 ]; then
    chown postgres: "$home"
fi

stop() {
    "${as_user[@]}" "$bin/pg_ctl" -D "$home/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$home"
}
trap stop EXIT

# What runs as another user must not start in a folder that this user may not read.
in_home() {
    (cd "$home" && "${as_user[@]}" "$@")
}

in_home "$bin/initdb" -D "$home/data" -U scanledger -A trust -E UTF8 --locale=C.UTF-8 >"$home/initdb.log" 2>&1 ||
    { cat "$home/initdb.log" >&2; exit 1; }

# A port that was free may be taken when the server starts; then another one is tried.
started=
for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 30000))
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        continue
    fi
    if in_home "$bin/pg_ctl" -D "$home/data" -l "$home/data/server.log" -w -t 60 start \
        -o "-p $port -c listen_addresses=127.0.0.1 -k $home -c max_connections=400" >/dev/null; then
        started=yes
        break
    fi
done
if [ -z "$started" ]; then
    cat "$home/data/server.log" >&2
    exit 1
fi

export SCANLEDGER_TEST_POSTGRES="postgres://scanledger@127.0.0.1:$port/postgres"
export SCANLEDGER_TEST_POSTGRES_BIN=$bin
"$@"

#!/usr/bin/env bash
# Runs a command with mail servers beside it, for the tests that need them:
#
#   tests/services/smtp.sh cargo nextest run -p scanledger-mail
#
# The servers are aiosmtpd's (https://pypi.org/project/aiosmtpd), installed into the target folder. They listen on free
# ports of this machine, deliver nothing to anybody and end with the command, whose exit code is handed on. Each message
# they take becomes a JSON file in a folder; `smtp.py` says what is in it. Recipients whose address begins with
# `refused` are refused. The command finds in its environment
#
#   SCANLEDGER_TEST_SMTP            the URL of a server that takes messages in clear
#   SCANLEDGER_TEST_SMTP_STARTTLS   of one that takes them after STARTTLS, with the user and password in the URL
#   SCANLEDGER_TEST_SMTP_TLS        of one that speaks TLS at once, with the user and password in the URL
#   SCANLEDGER_TEST_SMTP_CA         a file (PEM) with the authority of the latter two
#   SCANLEDGER_TEST_SMTP_INBOX      the folder of messages
set -euo pipefail

aiosmtpd_version=1.4.6
trustme_version=1.2.1

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${CARGO_TARGET_DIR:-$here/../../target}/smtp/venv-$aiosmtpd_version-$trustme_version

if [ ! -e "$venv/complete" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        "aiosmtpd==$aiosmtpd_version" "trustme==$trustme_version"
    touch "$venv/complete"
fi

home=$(mktemp -d "${TMPDIR:-/tmp}/scanledger-smtp.XXXXXX")
server=
stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$home"
}
trap stop EXIT

"$venv/bin/python" "$here/smtp.py" "$home" >"$home/server.log" 2>&1 &
server=$!

# The server writes down which ports it took.
for _ in $(seq 300); do
    if [ -e "$home/ports" ] || ! kill -0 "$server" 2>/dev/null; then
        break
    fi
    sleep 0.1
done
if [ ! -e "$home/ports" ]; then
    cat "$home/server.log" >&2
    exit 1
fi
read -r clear starttls tls <"$home/ports"

export SCANLEDGER_TEST_SMTP="smtp://127.0.0.1:$clear"
export SCANLEDGER_TEST_SMTP_STARTTLS="smtp://ana:s%40fe@127.0.0.1:$starttls?tls=required"
export SCANLEDGER_TEST_SMTP_TLS="smtps://ana:s%40fe@127.0.0.1:$tls"
export SCANLEDGER_TEST_SMTP_CA=$home/ca.pem
export SCANLEDGER_TEST_SMTP_INBOX=$home/inbox
"$@"

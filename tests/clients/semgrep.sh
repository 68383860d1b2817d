#!/usr/bin/env bash
# The real Semgrep client against a running server:
#
#   SERVER=http://127.0.0.1:8080 KEY=… SEMGREP=/opt/semgrep/bin/semgrep tests/clients/semgrep.sh
#
# Both can be given as arguments too. KEY is a key of an administrator of a test installation: projects are made, a rule is published, a finding is triaged.
# The client is `$SEMGREP`, or the one in the PATH, 1.93 or later; it asks nobody but the server. Each run works in a git
# repository of its own and under a name of its own, so the script can be run again and again. Prints a line for each
# check, and ends with 1 if one of them failed.
set -euo pipefail

server=${1:-${SERVER:?the address of the server}}
key=${2:-${KEY:?a key of an administrator}}
semgrep=${SEMGREP:-$(command -v semgrep || true)}
if [ -z "$semgrep" ]; then
    echo "no semgrep in the PATH, and none in \$SEMGREP" >&2
    exit 1
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/scanledger-semgrep.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/home" "$work/shop"
name=clients/shop-$(date +%s)-$$
export HOME=$work/home XDG_CONFIG_HOME=$work/home
export SEMGREP_URL=$server SEMGREP_APP_TOKEN=$key SEMGREP_REPO_NAME=$name
export SEMGREP_REPO_URL=https://example.org/$name
export SEMGREP_SEND_METRICS=off SEMGREP_ENABLE_VERSION_CHECK=0
export GIT_AUTHOR_NAME=Dev GIT_AUTHOR_EMAIL=dev@example.org GIT_COMMITTER_NAME=Dev GIT_COMMITTER_EMAIL=dev@example.org

failed=0
# check WHAT COMMAND...: a line, and what the last run printed if it failed.
check() {
    local what=$1
    shift
    if "$@"; then
        echo "ok    $what"
    else
        echo "FAIL  $what"
        sed 's/^/      | /' "$work/out" | tail -40
        failed=1
    fi
}

# Runs the client's CI command; its exit code is in $code, what it printed in $work/out.
ci() {
    code=0
    (cd "$work/shop" && "$semgrep" ci --oss-only --no-suppress-errors "$@") >"$work/out" 2>&1 || code=$?
}

ended_with() { [ "$code" = "$1" ]; }
printed() { grep -q -- "$1" "$work/out"; }
silent_about() { ! grep -q -- "$1" "$work/out"; }

# Asks the server; the answer is JSON.
api() {
    local method=$1 path=$2
    shift 2
    curl --silent --show-error --fail -X "$method" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
        "$@" "$server$path"
}

# The ids of what is on the branch under a rule, a line each.
present() {
    local project
    project=$(api GET '/api/projects?limit=100' | python3 -c '
import json, sys
print(next(p["id"] for p in json.load(sys.stdin)["projects"] if p["name"] == sys.argv[1]))' "$name")
    api GET "/api/projects/$project/findings?limit=500&branch=${2:-main}" | python3 -c '
import json, sys
print("\n".join(f["id"] for f in json.load(sys.stdin)["findings"] if f["ruleId"] == sys.argv[1]))' "$1"
}
count() { [ "$(present "$1" "${3:-main}" | grep -c .)" = "$2" ]; }

# Writes a file and commits it.
write() {
    cat >"$work/shop/$1"
    git -C "$work/shop" add -A
    git -C "$work/shop" commit --quiet -m "$2"
}

git init --quiet -b main "$work/shop"
blocking=python.injection.command-from-request
echo "client: $("$semgrep" --version)  project: $name"

write app.py "A start" <<'PYTHON'
def greet(name):
    return "Hello " + name
PYTHON
ci
check "a clean run ends with 0" ended_with 0
check "a clean run leaves a project without findings" count $blocking 0

write app.py "A weakness" <<'PYTHON'
import os
import flask

app = flask.Flask(__name__)


@app.route("/ping")
def ping():
    os.system("ping -c 1 " + flask.request.args.get("host"))
    return "done"
PYTHON
ci
check "a blocking finding ends with 1" ended_with 1
check "a blocking finding is printed" printed "command-from-request"
check "a blocking finding is on the server" count $blocking 1
finding=$(present $blocking)
ci
check "the same finding again ends with 1" ended_with 1
check "the same finding again is one finding" test "$(present $blocking)" = "$finding"

api PATCH "/api/findings/$finding" --data '{"status": "FALSE_POSITIVE", "statusNote": "hosts are checked"}' >/dev/null
ci
check "a finding that was dismissed ends with 0" ended_with 0
check "a finding that was dismissed is still on the server" count $blocking 1
api PATCH "/api/findings/$finding" --data '{"status": "OPEN"}' >/dev/null
ci
check "a finding that was opened again ends with 1" ended_with 1

git -C "$work/shop" checkout --quiet -b feature
write more.py "More" <<'PYTHON'
import os
import flask

app = flask.Flask(__name__)


@app.route("/trace")
def trace():
    os.system("traceroute " + flask.request.args.get("host"))
    return "done"
PYTHON
baseline=$(git -C "$work/shop" rev-parse main)
export SEMGREP_BRANCH=feature
ci --baseline-commit "$baseline"
check "a scan of changes ends with 1 for what is new" ended_with 1
check "a scan of changes shows what is new" printed "more.py"
check "a scan of changes is silent about what was there" silent_about "ping -c 1"
check "a scan of changes ends nothing" count $blocking 2 feature
check "a scan of a branch changes nothing elsewhere" count $blocking 1
unset SEMGREP_BRANCH

git -C "$work/shop" checkout --quiet main
write app.py "Mended" <<'PYTHON'
import subprocess
import flask

app = flask.Flask(__name__)


@app.route("/ping")
def ping():
    subprocess.run(["ping", "-c", "1", "localhost"], check=True)
    return "done"
PYTHON
ci
check "a run after the fix ends with 0" ended_with 0
check "a run after the fix ends the finding" count $blocking 0

rule=clients.no-surprises-$$
cat >"$work/rule.yaml" <<YAML
rules:
  - id: $rule
    languages: [python]
    severity: WARNING
    message: Nothing here is to surprise anybody.
    pattern: surprise(...)
    metadata:
      confidence: LOW
YAML
code=0
(cd "$work" && "$semgrep" publish --visibility=org_private rule.yaml) >"$work/out" 2>&1 || code=$?
check "a rule is published" ended_with 0
write more.py "A surprise" <<'PYTHON'
surprise("party")
PYTHON
ci
check "a rule that only watches ends with 0" ended_with 0
check "what a published rule finds is on the server" count "$rule" 1

code=0
"$semgrep" show deployment >"$work/out" 2>&1 || code=$?
check "the client shows its deployment" ended_with 0
code=0
(cd "$work/shop" && "$semgrep" scan --config p/default --oss-only --error .) >"$work/out" 2>&1 || code=$?
check "a pack is fetched from the server" ended_with 1

export SEMGREP_APP_TOKEN=0000000000000000000000000000000000000000000000000000000000000000
ci
check "a key that is not valid ends with 13" ended_with 13

exit $failed

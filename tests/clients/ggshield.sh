#!/usr/bin/env bash
# Runs GitGuardian's command-line client, unmodified, against a running server and holds what it prints and how it ends
# against what it should:
#
#   SERVER=http://127.0.0.1:8080 KEY=… GGSHIELD=venv/bin/ggshield tests/clients/ggshield.sh
#
# The key is an administrator's, with every scope. One line for each check; ends with 1 if one of them failed. Needs git, openssl and python3. The
# client's exit code says little (it ends with 0 after most failures), so its words are looked at too.
#
# The client is https://pypi.org/project/ggshield, tried with 1.56.1. Every secret is made up here, when this runs.
set -uo pipefail

: "${SERVER:?the address of the server}" "${KEY:?a key of an administrator}"
ggshield=${GGSHIELD:-ggshield}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=$(mktemp -d "${TMPDIR:-/tmp}/scanledger-ggshield.XXXXXX")
trap 'rm -rf "$home"' EXIT

# Nothing of the machine, and nothing left on it.
for name in $(compgen -e | grep -E '^(GITGUARDIAN|GG_|GGSHIELD_|GIT_)' || true); do
    unset "$name"
done
export HOME=$home GG_CONFIG_DIR=$home/config GG_CACHE_DIR=$home/cache GG_DATA_DIR=$home/data GG_USER_HOME_DIR=$home
export GGSHIELD_NO_KEYRING=1 GITGUARDIAN_DONT_LOAD_ENV=1 GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=Ana GIT_AUTHOR_EMAIL=ana@example.org GIT_COMMITTER_NAME=Ana GIT_COMMITTER_EMAIL=ana@example.org
mkdir -p "$GG_CACHE_DIR"
# The client leaves a cache where it is called, and names it in the `.gitignore` there.
ggshield=$(realpath "$(command -v "$ggshield")")
cd "$home"
# Else every command asks the code host whether there is a newer release.
printf 'check-at: %s\n' "$(date +%s)" >"$GG_CACHE_DIR/update_check.yaml"
git config --global init.defaultBranch main
git config --global advice.detachedHead false

aws_key() { python3 -c 'import secrets; print("AK" + "IA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16)))'; }
private_key() { openssl genpkey -algorithm ED25519 2>/dev/null; }

failed=0
# pass NAME / fail NAME WHY
pass() { printf 'ok      %s\n' "$1"; }
fail() {
    printf 'FAILED  %s: %s\n' "$1" "$2"
    sed 's/^/        | /' "$home/output" | head -n 30
    failed=1
}

# check NAME EXIT-CODE PATTERN COMMAND…: the command ends so and prints (on either stream) what matches. A pattern that
# begins with `!` must match nothing.
check() {
    local name=$1 code=$2 pattern=$3 status
    shift 3
    "$@" >"$home/output" 2>&1 </dev/null
    status=$?
    judge "$name" "$code" "$pattern" "$status"
}

judge() {
    local name=$1 code=$2 pattern=$3 status=$4
    if [ "$status" != "$code" ]; then
        fail "$name" "ended with $status and not with $code"
    elif grep -qE 'Scanning failed|Results may be incomplete|Traceback|AssertionError|Error while scanning' "$home/output"; then
        fail "$name" "it did not go well, whatever it ended with"
    elif [ "${pattern#!}" != "$pattern" ] && grep -qE "${pattern#!}" "$home/output"; then
        fail "$name" "it printed ${pattern#!}"
    elif [ "${pattern#!}" = "$pattern" ] && ! grep -qE "$pattern" "$home/output"; then
        fail "$name" "it did not print $pattern"
    else
        pass "$name"
    fi
}

# holds NAME FILE PYTHON: the expression over `data`, the JSON in a file, is true.
holds() {
    if python3 - "$2" "$3" >"$home/output" 2>&1 <<'PYTHON'
import json, sys

data = json.load(open(sys.argv[1]))
print(json.dumps(data)[:2000])
sys.exit(0 if eval(sys.argv[2]) else 1)
PYTHON
    then pass "$1"; else fail "$1" "not so: $3"; fi
}

scan() { "$ggshield" secret scan --no-check-for-updates "$@"; }

export GITGUARDIAN_INSTANCE=$SERVER

# Signing in and looking around, with a key that signing out ends.

spare=$(python3 - "$SERVER" "$KEY" <<'PYTHON'
import json, sys, urllib.request

server, key = sys.argv[1:]
headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
request = urllib.request.Request(f"{server}/api/apikeys", b'{"name": "ggshield"}', headers)
print(json.load(urllib.request.urlopen(request))["plaintext"])
PYTHON
)
"$ggshield" auth login --method=token <<<"$spare" >"$home/output" 2>&1
judge "sign in with a token" 0 'Authentication was successful' $?
check "api-status" 0 'healthy' "$ggshield" api-status
check "api-status is not unhealthy" 0 '!unhealthy' "$ggshield" api-status
"$ggshield" api-status --json >"$home/status.json" 2>"$home/output" </dev/null
holds "api-status --json" "$home/status.json" 'data["status_code"] == 200 and data["app_version"].startswith("v") and data["secrets_engine_version"] not in ("", "Unknown")'
check "quota" 0 'Quota available: *[1-9]' "$ggshield" quota
"$ggshield" quota --json >"$home/quota.json" 2>"$home/output" </dev/null
holds "quota --json" "$home/quota.json" 'data["count"] + data["remaining"] == data["limit"] and len(data["since"]) == 10'
GITGUARDIAN_API_KEY=ggd_sl_wrong check "a wrong key" 3 'Invalid (GitGuardian )?API key|invalid' scan path "$here/ggshield.sh"

# Files.

files=$home/files
mkdir -p "$files/clean" "$files/leaky/deep"
printf 'print("nothing here")\n' >"$files/clean/main.py"
key=$(aws_key)
# Characters outside ASCII, of two UTF-16 units, that combine, and lines that end as on Windows.
printf '# \xf0\x9f\x94\x91 cl\xc3\xa9 e\xcc\x81\r\naws_access = "%s"\r\n' "$key" >"$files/leaky/app.py"
private_key >"$files/leaky/deep/id.pem"
check "path: clean" 0 'No secrets have been found' scan path -r -y "$files/clean"
check "path: a secret" 1 'AWS' scan path -r -y "$files/leaky"
check "path: a secret is masked" 1 "!$key" scan path -r -y "$files/leaky"
check "path: several secrets" 1 '2 incidents|Secrets detected: *2|id\.pem' scan path -r -y "$files/leaky"
check "path: --show-secrets" 1 "$key" scan path -r -y --show-secrets "$files/leaky"
check "path: --exit-zero" 0 'AWS' scan path -r -y --exit-zero "$files/leaky"
scan path -r -y --json --show-secrets "$files/leaky" >"$home/scan.json" 2>"$home/output" </dev/null
holds "path: --json finds both" "$home/scan.json" 'data["total_incidents"] == 2 and data["total_occurrences"] == 2'
holds "path: --json has the secret where it is" "$home/scan.json" \
    "[(m['match'], m['line_start']) for e in data['entities_with_incidents'] for i in e['incidents'] for o in i['occurrences'] for m in [o] if e['filename'].endswith('app.py')] == [('$key', 2)]"
holds "path: --json has a key of several lines" "$home/scan.json" \
    "any(o['line_end'] - o['line_start'] == 2 for e in data['entities_with_incidents'] for i in e['incidents'] for o in i['occurrences'])"
scan path -r -y --format sarif "$files/leaky" >"$home/scan.sarif" 2>"$home/output" </dev/null
holds "path: SARIF" "$home/scan.sarif" 'data["version"] == "2.1.0" and len(data["runs"][0]["results"]) == 2'
"$ggshield" secret scan --no-check-for-updates path --banlist-detector "$(python3 -c "
import json; print([i['type'] for e in json.load(open('$home/scan.json'))['entities_with_incidents'] for i in e['incidents'] if e['filename'].endswith('app.py')][0])")" \
    "$files/leaky/app.py" >"$home/output" 2>&1 </dev/null
judge "path: a detector that is not wanted" 0 'No secrets have been found|ignored' $?
(cd "$files/clean" && for n in $(seq 45); do printf 'x = %s\n' "$n" >"more$n.py"; done && printf 'k = "%s"\n' "$(aws_key)" >"more45.py")
check "path: more files than one request takes" 1 'more45\.py' scan path -r -y "$files/clean"

# What somebody ignores.

ignored=$home/ignored
mkdir "$ignored" && cd "$ignored" && git init -q
printf 'k = "%s"\n' "$(aws_key)" >app.py
check "ignore: found first" 1 'AWS' scan path app.py
check "ignore: --last-found" 0 'ignored' "$ggshield" secret ignore --last-found
check "ignore: not found again" 0 'No secrets have been found|ignored' scan path app.py
cd "$home"

# Repositories.

repository=$home/repository
git init -q "$repository" && cd "$repository"
commit() { git add -A && git commit -q -m "$1"; }
printf 'one\n' >a.txt && commit "one"
printf 'one\nkey = "%s"\n' "$(aws_key)" >a.txt && commit "a secret comes"
printf 'one\n' >a.txt && commit "it goes"
check "repo: a secret in the history" 1 'AWS' scan repo .
check "repo: removing it is no second incident" 1 '!it goes' scan repo .
check "commit-range: the commit that brings it" 1 'AWS' scan commit-range HEAD~2..HEAD~1
check "commit-range: the commit that removes it" 0 '0 secrets detected' scan commit-range HEAD~1..HEAD
{ private_key; printf 'tail\n'; } >id.pem && commit "a private key"
check "commit-range: a secret of several lines" 1 'id\.pem' scan commit-range HEAD~1..HEAD
{ private_key; printf 'tail\n'; } >id.pem && commit "another private key"
check "commit-range: a key that is exchanged line by line" 1 'id\.pem' scan commit-range HEAD~1..HEAD
sed -i 's/tail/new tail/' id.pem && commit "beside a private key"
check "commit-range: a change beside a secret" 0 '0 secrets detected' scan commit-range HEAD~1..HEAD
git checkout -q -b side HEAD~1 && printf 'side\n' >b.txt && commit "side" && git checkout -q main && git merge -q -m merge side
check "commit-range: a merge" 0 'No secrets have been found' scan commit-range HEAD~1..HEAD

check "pre-commit: nothing staged" 0 '!AWS' scan pre-commit
printf '\xc3\xa9\xf0\x9f\x94\x91 = "%s"\r\n' "$(aws_key)" >staged.txt && git add -A
check "pre-commit: a secret is staged" 1 'AWS' scan pre-commit
check "pre-commit: what to do is said" 1 'Nothing is committed yet' scan pre-commit
printf '#!/bin/sh\nexec %q secret scan --no-check-for-updates pre-commit\n' "$ggshield" >.git/hooks/pre-commit && chmod +x .git/hooks/pre-commit
git commit -m "with a secret" >"$home/output" 2>&1
judge "pre-commit: git does not commit" 1 'AWS' $?
rm .git/hooks/pre-commit && git reset -q --hard
printf 'fine\n' >staged.txt && git add -A
check "pre-commit: nothing is wrong" 0 'No secrets have been found' scan pre-commit
# The client asks the repository's own configuration.
git config init.defaultBranch main
git reset -q --hard && git checkout -q -b feature && printf 'k = "%s"\n' "$(aws_key)" >c.txt && commit "feature"
check "changes: since the default branch" 1 'AWS' scan changes
cd "$home"

# Archives.

(cd "$files" && tar -czf "$home/source.tar.gz" leaky && python3 -m zipfile -c "$home/source.zip" leaky)
check "archive: tar" 1 'AWS' scan archive "$home/source.tar.gz"
check "archive: zip" 1 'AWS' scan archive "$home/source.zip"
# As `docker save` writes an image: one layer that somebody copied, with a file that has a secret.
python3 - "$home/image.tar" "$(aws_key)" <<'PYTHON'
import hashlib, io, json, sys, tarfile

target, key = sys.argv[1:]


def tar(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


layer = tar({"srv/app.env": f"ACCESS={key}\n".encode(), "srv/readme": b"nothing\n"})
digest = hashlib.sha256(layer).hexdigest()
config = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"Env": ["PATH=/bin"]},
    "history": [{"created_by": "COPY . /srv # buildkit"}],
    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
}
manifest = [{"Config": "config.json", "RepoTags": ["sample:latest"], "Layers": [f"{digest}/layer.tar"]}]
image = {"config.json": json.dumps(config).encode(), f"{digest}/layer.tar": layer}
image["manifest.json"] = json.dumps(manifest).encode()
open(target, "wb").write(tar(image))
PYTHON
check "docker-archive" 1 'app\.env' scan docker-archive "$home/image.tar"

# What the server knows of secrets.

ask() {
    python3 - "$SERVER$2" "$KEY" "$1" "$3" <<'PYTHON'
import sys, urllib.request

url, key, method, body = sys.argv[1:]
headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
request = urllib.request.Request(url, body.encode() or None, headers, method=method)
print(urllib.request.urlopen(request).read().decode())
PYTHON
}
field() { python3 -c 'import json, sys; print(eval(sys.argv[1], {"data": json.load(sys.stdin)}))' "$1"; }
known=$home/known
mkdir "$known" && printf 'k = "%s"\n' "$(aws_key)" >"$known/app.py"
source=$(ask POST /api/projects '{"name": "ggshield"}' | field 'data["id"]')
check "path: --source-uuid" 1 'AWS' scan path -r -y --source-uuid "$source" "$known"
check "path: a source that is not there" 128 'not found' scan path -r -y --source-uuid 00000000-0000-4000-8000-000000000000 "$known"
scan path -r -y --json --with-incident-details "$known" >"$home/known.json" 2>"$home/output" </dev/null
holds "path: a known secret, with its incident" "$home/known.json" \
    "[(i['known_secret'], i['incident_details']['status']) for e in data['entities_with_incidents'] for i in e['incidents']] == [(True, 'TRIGGERED')]"
check "path: --ignore-known-secrets" 0 'No secrets have been found|ignored' scan path -r -y --ignore-known-secrets "$known"
number=$(field 'data["entities_with_incidents"][0]["incidents"][0]["incident_url"].rsplit("/", 1)[-1]' <"$home/known.json")
ask POST "/v1/incidents/secrets/$number/ignore" '{"ignore_reason": "test_credential"}' >"$home/output"
check "path: a secret that somebody ignored" 0 'No secrets have been found|ignored' scan path -r -y "$known"
check "path: --all-secrets shows it and why" 1 'test credential' scan path -r -y --all-secrets "$known"

# A honeytoken goes off where the server says.

GITGUARDIAN_API_KEY=$KEY check "honeytoken create" 0 'created successfully' "$ggshield" honeytoken create --type AWS --name laptop
access_id=$(grep -oE 'AKIA[A-Z2-7]{16}' "$home/output" | head -n 1)
GITGUARDIAN_API_KEY=$KEY check "honeytoken create: a name that is taken" 128 'has this name' \
    "$ggshield" honeytoken create --type AWS --name laptop
GITGUARDIAN_API_KEY=$KEY check "honeytoken create-with-context" 0 'created and placed' \
    "$ggshield" honeytoken create-with-context --type AWS --name settings --language python --output "$home/settings.py"
if grep -q "$SERVER/decoy/aws" "$home/settings.py" && grep -qE 'AKIA[A-Z2-7]{16}' "$home/settings.py"; then
    pass "its context names the endpoint"
else
    fail "its context names the endpoint" "it does not"
fi
check "honeytoken create: with a key that may not" 128 'does not have permissions' \
    "$ggshield" honeytoken create --type AWS --name other
python3 - "$SERVER/decoy/aws/" "$access_id" <<'PYTHON'
import sys, urllib.error, urllib.request

url, key = sys.argv[1:]
scope = f"AWS4-HMAC-SHA256 Credential={key}/20261121/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0"
try:
    urllib.request.urlopen(urllib.request.Request(url, b"Action=GetCallerIdentity", {"Authorization": scope}))
except urllib.error.HTTPError:
    pass
PYTHON
ask GET /v1/honeytokens_events '' >"$home/events.json"
holds "it goes off" "$home/events.json" \
    "[(e['status'], e['action'], e['data']['service']) for e in data] == [('open', 'GetCallerIdentity', 'sts')]"

# Signing out ends the key.

check "sign out" 0 '[Ll]ogged out|Successfully' "$ggshield" auth logout --instance "$SERVER"
GITGUARDIAN_API_KEY=$spare check "the key is no longer good" 3 'Invalid (GitGuardian )?API key|invalid' \
    env GG_CACHE_DIR="$home/other-cache" "$ggshield" secret scan --no-check-for-updates path "$files/clean/main.py"

exit $failed

#!/usr/bin/env bash
# Our own rules, as the real engine reads them: all are loaded at once and run over their examples, and every example
# has to be found where it says so, and nowhere else:
#
#   tests/clients/rules.sh
#   SEMGREP=/opt/semgrep/bin/semgrep tests/clients/rules.sh
#
# In an example, `ruleid: <id>` in a comment means that this rule finds something on the next line, `ok: <id>` that it
# does not. The engine is `$SEMGREP`, or the one in the PATH, 1.93 or later; nothing is asked of the network. Prints a
# line for each language.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rules=$root/infra/rules/rules
semgrep=${SEMGREP:-$(command -v semgrep || true)}
if [ -z "$semgrep" ]; then
    echo "no semgrep in the PATH, and none in \$SEMGREP" >&2
    exit 1
fi

home=$(mktemp -d "${TMPDIR:-/tmp}/scanledger-rules.XXXXXX")
trap 'rm -rf "$home"' EXIT
# No setting and no token of whoever runs this, and nobody is called.
unset SEMGREP_APP_TOKEN
export HOME=$home SEMGREP_SEND_METRICS=off SEMGREP_ENABLE_VERSION_CHECK=0

status=0
"$semgrep" scan --config "$rules" --json --output "$home/found.json" --quiet --no-git-ignore -j 2 "$rules" \
    2>"$home/semgrep.log" || status=$?
if [ ! -s "$home/found.json" ]; then
    cat "$home/semgrep.log" >&2
    echo "the engine ended with $status and no result" >&2
    exit 1
fi

python3 - "$rules" "$home/found.json" "$status" <<'PYTHON'
import json, re, sys
from pathlib import Path

rules, found, status = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3])
failed = status != 0
if failed:
    print(f"the engine ended with {status}", file=sys.stderr)

# A rule that it cannot read, or an example that it cannot parse.
for error in found["errors"]:
    failed = True
    about = error.get("rule_id") or error.get("path") or ""
    text = error.get("message") or error.get("long_msg") or error.get("short_msg") or ""
    print(f"{error.get('type')} {about}: {text}", file=sys.stderr)

# The engine puts the folder of a rule before its id.
lines = {}
for result in found["results"]:
    path = Path(result["path"]).resolve()
    lines.setdefault(path, []).append((result["check_id"], result["start"]["line"]))

sets = sorted(folder for folder in rules.iterdir() if folder.is_dir())
for folder in sets:
    count = expected_count = 0
    wrong = []
    for rule in sorted(folder.glob("*.yaml")):
        id = re.search(r"^  - id: (\S+)$", rule.read_text(), re.MULTILINE).group(1)
        examples = [path for path in folder.glob(rule.stem + ".*") if path.suffix != ".yaml"]
        expected, clean = set(), set()
        for number, line in enumerate(examples[0].read_text().splitlines() if examples else [], 1):
            said = re.search(r"(ruleid|ok): (\S+)$", line)
            if said and said.group(2) == id:
                (expected if said.group(1) == "ruleid" else clean).add(number + 1)
        if not expected or not clean:
            wrong.append(f"{id}: no example of what is found and what is not")
            continue
        actual = {line for check, line in lines.get(examples[0].resolve(), []) if check.endswith("." + id)}
        wrong += [f"{id}: not found on line {line}" for line in sorted(expected - actual)]
        wrong += [f"{id}: wrongly found on line {line}" for line in sorted(actual - expected)]
        count += 1
        expected_count += len(expected)
    print(f"{folder.name}: {count} rules, {expected_count} places to find, {len(wrong)} wrong")
    for line in wrong:
        print(f"  {line}", file=sys.stderr)
    failed = failed or bool(wrong) or count == 0

if not sets:
    print("there are no rules", file=sys.stderr)
sys.exit(1 if failed or not sets else 0)
PYTHON

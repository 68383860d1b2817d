"""One thing, seen and decided about through several clients of one server:

    SERVER=http://127.0.0.1:8080 KEY=ppr_… GGSHIELD=venv/bin/ggshield SEMGREP=venv/bin/semgrep \
        python tests/clients/together.py

A secret that is in a repository is the same incident for ggshield, an upload, GraphQL and the audit log, and ignored
everywhere once it is ignored somewhere. A finding that `semgrep ci` uploaded and somebody triaged through Pepper's API
does not stop the next `semgrep ci`. One line for each check; ends with 1 if one of them failed. The key is an
administrator's, with every scope. The secret is made up when this runs.
"""

import io
import json
import os
import pathlib
import secrets
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

SERVER, KEY = os.environ["SERVER"], os.environ["KEY"]
GGSHIELD, SEMGREP = os.environ["GGSHIELD"], os.environ["SEMGREP"]
failed = False


def check(name, holds, seen=""):
    global failed
    print(f"{'ok     ' if holds else 'FAILED '} {name}" + ("" if holds else f": {str(seen)[:2000]}"))
    failed |= not holds


def ask(method, path, body=None, content_type="application/json"):
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    request = urllib.request.Request(SERVER + path, data=data, method=method)
    request.add_header("Authorization", f"Bearer {KEY}")
    request.add_header("Content-Type", content_type)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def upload(project, root):
    """Uploads a folder as the source of a project, as a CI job does, and waits until it is scanned."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(root, arcname=".", filter=lambda entry: None if "/.git" in entry.name else entry)
    boundary = secrets.token_hex(16)
    fields = {project[0]: project[1], "branch": "main"}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="source"; filename="source.tar.gz"\r\n\r\n'
    body = b"".join(parts) + head.encode() + archive.getvalue() + f"\r\n--{boundary}--\r\n".encode()
    scan = ask("POST", "/api/scans", body, f"multipart/form-data; boundary={boundary}")
    for _ in range(300):
        state = ask("GET", f"/api/scans/{scan['scanId']}")
        if state["status"] not in ("QUEUED", "RUNNING"):
            return state
        time.sleep(0.1)
    raise TimeoutError("the scan does not end")


def run(command, folder, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GIT", "GG_", "CI"))}
    environment |= variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def git(folder, *command):
    identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)


def ggshield(folder, home):
    """What `ggshield secret scan path` says about the folder, as JSON, and how it ended."""
    (home / "cache").mkdir(parents=True, exist_ok=True)
    (home / "cache" / "update_check.yaml").write_text(f"check-at: {int(time.time())}\n")
    command = [GGSHIELD, "secret", "scan", "path", "--json", "--recursive", "--yes", "src"]
    code, out, err = run(
        command, folder, HOME=str(home), GITGUARDIAN_INSTANCE=SERVER, GITGUARDIAN_API_KEY=KEY,
        GG_CONFIG_DIR=str(home / "config"), GG_CACHE_DIR=str(home / "cache"), GG_DATA_DIR=str(home / "data"),
        GG_USER_HOME_DIR=str(home), GGSHIELD_NO_KEYRING="1", GITGUARDIAN_DONT_LOAD_ENV="1",
    )
    try:
        return code, json.loads(out)
    except ValueError:
        return code, out + err


def incidents_of(result):
    return [found for entity in result.get("entities_with_incidents", []) for found in entity["incidents"]]


def graphql(query):
    answer = ask("POST", "/graphql", {"query": query})
    if "errors" in answer:
        raise ValueError(answer["errors"])
    return answer["data"]


def one_secret(home):
    folder = home / "shop"
    (folder / "src").mkdir(parents=True)
    token = "AK" + "IA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
    (folder / "src" / "settings.py").write_text(f'AWS = "{token}"\n')
    git(folder, "init", ".")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "settings")

    code, result = ggshield(folder, home / "gg")
    found = incidents_of(result) if isinstance(result, dict) else []
    check("ggshield finds the secret, which nobody knows yet", code == 1 and [f["known_secret"] for f in found] == [False],
          (code, result))

    scan = upload(("newProjectName", "together"), folder)
    finding = ask("GET", f"/api/scans/{scan['id']}/findings")["findings"][0]
    code, result = ggshield(folder, home / "gg")
    found = incidents_of(result) if isinstance(result, dict) else []
    url = found[0].get("incident_url") or "" if found else ""
    check("after an upload ggshield knows it, with the address of its incident",
          code == 1 and found[0]["known_secret"] is True and url.rsplit("/", 1)[-1].isdigit(), (code, result))
    number = int(url.rsplit("/", 1)[-1])

    def in_graphql():
        query = f'{{ incidents(first: 5, filter: {{ projects: ["{scan["projectId"]}"] }}) {{ nodes {{ id number status }} }} }}'
        return graphql(query)["incidents"]["nodes"]

    rows = in_graphql()
    check("GraphQL shows the same incident", [int(row["number"]) for row in rows] == [number], rows)
    listed = [row for row in ask("GET", "/v1/incidents/secrets?per_page=100") if row["id"] == number]
    check("and so does GitGuardian's API", len(listed) == 1, listed)

    ask("POST", f"/v1/incidents/secrets/{number}/ignore", {"ignore_reason": "low_risk"})
    code, result = ggshield(folder, home / "gg")
    check("ignored there, it no longer stops ggshield", code == 0, (code, result))
    seen = ask("GET", f"/api/findings/{finding['id']}")
    check("and is an accepted risk for Pepper's clients", seen["status"] == "ACCEPTED_RISK", seen)
    rows = in_graphql()
    check("and ignored in GraphQL", rows[0]["status"] == "IGNORED", rows)
    audit = ask("GET", "/api/audit-log?limit=100")
    about = [entry for entry in audit["entries"] if rows[0]["id"] in json.dumps(entry)]
    check("and the audit log says so about the same incident", len(about) >= 1, audit)

    upload(("projectId", scan["projectId"]), folder)
    again = ask("GET", f"/api/findings/{finding['id']}")
    check("another upload leaves it ignored", again["status"] == "ACCEPTED_RISK", again)
    ask("PATCH", f"/api/findings/{finding['id']}", {"status": "OPEN"})
    code, result = ggshield(folder, home / "gg")
    check("opened again through Pepper's API, it stops ggshield again", code == 1, (code, result))
    check("and is triggered for GitGuardian's clients",
          ask("GET", f"/v1/incidents/secrets/{number}")["status"] == "TRIGGERED")
    texts = json.dumps([audit, rows, listed])
    check("the secret itself is nowhere in what was answered", token not in texts)


def semgrep_ci(folder, home, repository):
    home.mkdir(parents=True, exist_ok=True)
    return run(
        [SEMGREP, "ci", "--oss-only", "--no-suppress-errors"], folder, HOME=str(home), SEMGREP_URL=SERVER,
        SEMGREP_APP_TOKEN=KEY, SEMGREP_REPO_NAME=repository, SEMGREP_SEND_METRICS="off",
        SEMGREP_ENABLE_VERSION_CHECK="0", SEMGREP_REPO_URL=f"https://example.org/{repository}",
    )


def one_weakness(home):
    folder = home / "bank"
    folder.mkdir()
    (folder / "app.py").write_text("import yaml\n\n\ndef read(text):\n    return yaml.load(text, Loader=yaml.Loader)\n")
    git(folder, "init", ".")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "app")
    code, out, err = semgrep_ci(folder, home / "sg", "acme/bank")
    check("semgrep ci stops at a finding", code == 1, (code, out, err))
    projects = ask("GET", "/api/projects?q=acme/bank")["projects"]
    scan = projects[0]["scans"][0]["id"]
    findings = ask("GET", f"/api/scans/{scan}/findings")["findings"]
    check("which Pepper's clients see", len(findings) >= 1, findings)
    for finding in findings:
        ask("PATCH", f"/api/findings/{finding['id']}", {"status": "FALSE_POSITIVE", "note": "a trusted name"})
    code, out, err = semgrep_ci(folder, home / "sg", "acme/bank")
    check("triaged away there, it does not stop the next semgrep ci", code == 0, (code, out, err))


with tempfile.TemporaryDirectory(prefix="scanledger-together.") as home:
    one_secret(pathlib.Path(home))
    one_weakness(pathlib.Path(home))
sys.exit(1 if failed else 0)

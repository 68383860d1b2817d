"""Something to ask about: a scanned project, people, teams and keys on a server that was just set up.

    world.py URL HOME PASSWORD

HOME/setup.json is what `scanledger setup` printed. Writes HOME/key (the administrator's key), HOME/session (an access
token of the administrator, who signs in with PASSWORD) and HOME/schemathesis.toml, which has half of all requests ask
about things that there are.
"""

import io
import json
import pathlib
import sys
import tarfile
import time

import requests

url, home, password = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
setup = json.loads((home / "setup.json").read_text())
shop = pathlib.Path(__file__).resolve().parents[2] / "samples" / "shop"


def ask(method, path, token, **arguments):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.request(method, url + path, headers=headers, timeout=60, **arguments)
    if not answer.ok:
        sys.exit(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else None


def scanned(key):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(shop, arcname="shop")
    files = {"source": ("shop.tar.gz", archive.getvalue(), "application/gzip")}
    form = {"newProjectName": "shop", "scanType": "FULL", "branch": "main"}
    queued = ask("POST", "/api/scans", key, files=files, data=form)
    for _ in range(600):
        scan = ask("GET", f"/api/scans/{queued['scanId']}", key)
        if scan["status"] in ("COMPLETED", "FAILED"):
            break
        time.sleep(0.1)
    if scan["status"] != "COMPLETED":
        sys.exit(f"the scan is {scan['status']}")
    return scan


key = setup["apiKey"]
session = ask("POST", "/auth/login", None, json={"email": "ana@example.org", "password": password})["access_token"]
scan = scanned(key)
finding = ask("GET", f"/api/scans/{scan['id']}/findings", key)["findings"][0]["id"]
person = ask("POST", "/auth/register", None, json={"email": "bob@example.org", "password": "a long password"})["id"]
spare = ask("POST", "/api/apikeys", key, json={"name": "spare"})["id"]

# Which things are behind the first parameter of paths that begin so. What a route of `DELETE` takes away has to stay
# for the routes after it, so those get generated ids.
things = {
    "/api/projects/": scan["projectId"],
    "/api/scans/": scan["id"],
    "/api/findings/": finding,
    "/api/apikeys/": spare,
    "/api/users/": person,
    "/v1/admin/users/": person,
    "/v1/api-keys/": spare,
    "/api/v1/deployments/": "acme",
}
lines = []
for number, (prefix, thing) in enumerate(things.items()):
    lines += [f"[dictionaries.things{number}]", f"values = [{json.dumps(thing)}]", ""]

document = requests.get(url + "/openapi.json", timeout=60).json()
for path, operations in document["paths"].items():
    for method, operation in operations.items():
        if method == "delete":
            continue
        for number, prefix in enumerate(things):
            if path.startswith(prefix):
                names = [p["name"] for p in operation.get("parameters", []) if p.get("in") == "path"]
                if names:
                    lines += [
                        "[[operations]]",
                        f'include-name = "{method.upper()} {path}"',
                        f'parameters = {{ "path.{names[0]}" = {{ dictionary = "things{number}", probability = 0.5 }} }}',
                        "",
                    ]

# Nobody vouches for people on this server, and 503 is what the reference (TRUSCA §3.1) has for that.
for route in ("authorize", "callback"):
    lines += [
        "[[operations]]",
        f'include-path = "/auth/oauth/{{provider}}/{route}"',
        'checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]',
        "",
    ]

(home / "schemathesis.toml").write_text("\n".join(lines))
(home / "key").write_text(key)
(home / "session").write_text(session)

"""Calls a running server through pygitguardian, unmodified: GitGuardian's client library.

    SERVER=http://127.0.0.1:8080 KEY=… venv/bin/python tests/clients/pygitguardian_calls.py

One line for each check; ends with 1 if one of them failed. The library comes with https://pypi.org/project/ggshield.
"""

import datetime
import json
import os
import secrets
import sys
import urllib.request

from pygitguardian import GGClient
from pygitguardian.models import CreateInvitation, CreateTeam, Detail, UpdateTeam

url, key = os.environ["SERVER"].rstrip("/"), os.environ["KEY"]
failed = []


def check(name, is_so, seen=None):
    print(f"{'ok     ' if is_so else 'FAILED '} {name}" + ("" if is_so else f": {seen!r}"))
    if not is_so:
        failed.append(name)


def is_fine(answer):
    return not isinstance(answer, Detail)


def aws_key():
    return "AK" + "IA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))


def made(path, body):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request))


source = made("/api/projects", {"name": "documents"})["id"]

for base in (url, f"{url}/exposed"):
    where = base.removeprefix(url) or "/"
    client = GGClient(api_key=key, base_uri=base)

    health = client.health_check()
    check(f"{where} health_check", health.status_code == 200 and health.app_version.startswith("v"), health)
    check(f"{where} read_metadata", client.read_metadata() is None, None)
    check(f"{where} the payload is as large as the server says", client.maximum_payload_size == 26_214_400)
    check(f"{where} api_tokens", client.api_tokens().success, None)

    before = client.quota_overview()
    check(f"{where} quota_overview", before.success and isinstance(before.content.since, datetime.date), before)

    secret = aws_key()
    text = f"# 🔑 é e\u0301\r\nkey = '{secret}'\n"
    found = client.content_scan(text, filename="app.py")
    check(f"{where} content_scan", found.success and found.policy_break_count == 1, found)
    match = found.policy_breaks[0].matches[0]
    check(f"{where} a match is where it is", text[match.index_start : match.index_end + 1] == match.match == secret, match)
    check(f"{where} a match is on its line", (match.line_start, match.line_end) == (2, 2), match)
    check(f"{where} nothing is found in nothing", client.content_scan("x = 1\n").policy_break_count == 0)

    patch = f"@@ -1,2 +1,2 @@ def é():\n-old = '{aws_key()}'\n+new = '{secret}'\n stays = '{aws_key()}'\n"
    documents = [{"document": text if n % 2 else "nothing", "filename": f"{n}.txt"} for n in range(19)]
    several = client.multi_content_scan([*documents, {"document": patch, "filename": "commit://staged/a.py"}])
    check(f"{where} multi_content_scan", several.success and len(several.scan_results) == 20, several)
    counts = [result.policy_break_count for result in several.scan_results]
    check(f"{where} results are in order", counts == [n % 2 for n in range(19)] + [3], counts)
    last = several.scan_results[-1]
    kinds = [(one.diff_kind.value, patch[one.matches[0].index_start]) for one in last.policy_breaks]
    check(f"{where} a patch", last.is_diff and kinds == [("deletion", "A"), ("addition", "A"), ("context", "A")], kinds)
    check(f"{where} NUL", client.content_scan(f"a\0{secret}\0").policy_break_count == 1)

    after = client.quota_overview()
    check(f"{where} scans count", after.content.count == before.content.count + 4, after)

    missing = client.retrieve_secret_incident(4_000_000_000)
    check(f"{where} an incident that is not there", isinstance(missing, Detail) and missing.status_code == 404, missing)

    # Incidents: every field that the library insists on is there.
    reported = aws_key()
    document = {"document": f"x\nkey = '{reported}'\n", "filename": "mail"}
    opened = client.scan_and_create_incidents([document], source_uuid=source)
    check(f"{where} scan_and_create_incidents", opened.success and opened.scan_results[0].policy_break_count == 1, opened)
    known = opened.scan_results[0].policy_breaks[0]
    check(f"{where} the secret is known then", known.known_secret and not known.is_excluded, known)
    number = int(known.incident_url.rsplit("/", 1)[-1])
    incident = client.retrieve_secret_incident(number)
    check(f"{where} retrieve_secret_incident", incident.success and incident.id == number, incident)
    check(f"{where} an incident has its occurrence", incident.occurrences[0].filepath == "mail", incident)
    check(f"{where} no secret in clear", reported not in json.dumps(incident.to_dict(), default=str))
    nowhere = client.scan_and_create_incidents([document], source_uuid="00000000-0000-4000-8000-000000000000")
    check(f"{where} a source that is not there", nowhere.status_code == 400 and "not found" in nowhere.detail, nowhere)

    # Lists, and what is in them.
    sources = client.list_sources()
    check(f"{where} list_sources", is_fine(sources) and "documents" in [one.full_name for one in sources.data], sources)
    members = client.list_members()
    check(f"{where} list_members", is_fine(members) and is_fine(client.get_member(members.data[0].id)), members)
    name = f"team {secrets.token_hex(4)}"
    team = client.create_team(CreateTeam(name=name, description="x"))
    check(f"{where} create_team", is_fine(team) and team.name == name, team)
    renamed = client.update_team(UpdateTeam(id=team.id, name=f"{name}!"))
    check(f"{where} update_team", is_fine(renamed) and renamed.name == f"{name}!", renamed)
    check(f"{where} list_teams", team.id in [one.id for one in client.list_teams().data])
    check(f"{where} list_team_members", is_fine(client.list_team_members(team.id)))
    check(f"{where} list_team_sources", is_fine(client.list_team_sources(team.id)))
    check(f"{where} delete_team", client.delete_team(team.id) is None)
    invited = client.create_invitation(CreateInvitation(email=f"{secrets.token_hex(4)}@example.org", access_level="member"))
    check(f"{where} create_invitation", is_fine(invited), invited)
    check(f"{where} list_invitations", invited.id in [one.id for one in client.list_invitations().data])
    check(f"{where} delete_invitation", client.delete_invitation(invited.id) is None)

    wrong = GGClient(api_key="ggd_sl_wrong", base_uri=base).quota_overview()
    check(f"{where} a wrong key", wrong.status_code == 401 and wrong.detail == "Invalid API key.", wrong)

sys.exit(1 if failed else 0)

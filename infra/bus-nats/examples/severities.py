"""Counts open findings by severity, from the first event on, and goes on counting: severities.py [host [port]]"""

import collections, json, socket, sys, uuid

host, port = (sys.argv[1:] + ["127.0.0.1", "4222"][len(sys.argv) - 1 :])[:2]
wire = socket.create_connection((host, int(port))).makefile("rwb")
inbox = f"_INBOX.{uuid.uuid4().hex}"
consumer = {"deliver_subject": f"{inbox}.events", "deliver_policy": "all", "ack_policy": "none",
            "filter_subject": "scanledger.events.>"}
request = json.dumps({"stream_name": "SCANLEDGER_EVENTS", "config": consumer})
wire.write(f'CONNECT {{"verbose":false}}\r\nSUB {inbox}.made 1\r\nSUB {inbox}.events 2\r\n'
           f"PUB $JS.API.CONSUMER.CREATE.SCANLEDGER_EVENTS {inbox}.made {len(request)}\r\n{request}\r\n".encode())
wire.flush()

open_findings = {}
while line := wire.readline():
    match line.decode().split():
        case ["PING"]:
            wire.write(b"PONG\r\n")
            wire.flush()
        case ["MSG", _, _, size]:
            answer = json.loads(wire.read(int(size) + 2))
            if "error" in answer:
                sys.exit(answer["error"]["description"])
        case ["MSG", _, _, place, size]:
            event = json.loads(wire.read(int(size) + 2))
            branch, data = event["stream"], event["data"]
            if event["type"] in ("finding.detected", "finding.reopened", "branch.findings_updated"):
                for found in data.get("findings", [data]):
                    open_findings[branch, found["finding"]] = found["occurrence"]["severity"]
            elif event["type"] == "finding.resolved":
                open_findings.pop((branch, data["finding"]), None)
            if place.endswith(".0"):  # nothing more is pending
                print(event["position"], dict(collections.Counter(open_findings.values())), flush=True)

"""Mail servers for tests: `smtp.sh` starts them.

In the folder that is named they write `ca.pem`, then `ports` (in clear, STARTTLS, TLS), and each message as a file
`inbox/<number>.json`:

    {"from": "sender", "to": ["recipient"], "headers": [["Subject", "decoded"]], "text": "decoded",
     "user": "who signed in, or null", "connection": 54321}
"""

import asyncio
import email
import email.policy
import itertools
import json
import ssl
import sys
from pathlib import Path

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"ana", b"s@fe"


class Inbox:
    def __init__(self, folder):
        self.folder = folder
        self.numbers = itertools.count(1)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return f"550 5.1.1 <{address}> is nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        record = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": message.get_payload(decode=True).decode("utf-8"),
            "user": session.auth_data,
            "connection": session.peer[1],
        }
        number = next(self.numbers)
        part = self.folder / f"{number}.part"
        part.write_text(json.dumps(record))
        part.rename(self.folder / f"{number}.json")
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (USER, PASSWORD)
    return AuthResult(success=is_right, handled=False, auth_data=data.login.decode())


async def main(home):
    inbox = home / "inbox"
    inbox.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)

    handler = Inbox(inbox)
    login = {"authenticator": authenticate, "auth_required": True}
    starttls = {"tls_context": tls, "require_starttls": True, **login}
    # The server takes a connection that was TLS from the start for one without.
    wrapped = {"auth_require_tls": False, **login}

    ports = []
    loop = asyncio.get_running_loop()
    for options, context in [({}, None), (starttls, None), (wrapped, tls)]:

        def session(options=options):
            return SMTP(handler, enable_SMTPUTF8=True, **options)

        listener = await loop.create_server(session, "127.0.0.1", 0, ssl=context)
        ports.append(str(listener.sockets[0].getsockname()[1]))

    part = home / "ports.part"
    part.write_text(" ".join(ports) + "\n")
    part.rename(home / "ports")
    await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1])))

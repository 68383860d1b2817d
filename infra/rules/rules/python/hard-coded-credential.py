import os

import psycopg

# ruleid: python.secrets.hard-coded-credential
DATABASE_PASSWORD = "winter-2019-storm"


def connect():
    # ruleid: python.secrets.hard-coded-credential
    return psycopg.connect(host="db", user="app", password="winter-2019-storm")


class Client:
    def __init__(self):
        # ruleid: python.secrets.hard-coded-credential
        self.api_key = "number-9-dream"


# ok: python.secrets.hard-coded-credential
password = os.environ["DATABASE_PASSWORD"]
# ok: python.secrets.hard-coded-credential
password_field = "password1"
# ok: python.secrets.hard-coded-credential
SECRET_KEY = "change-me-1234"
# ok: python.secrets.hard-coded-credential
password = ""

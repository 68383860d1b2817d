import os

import jwt

KEY = "blue door in the wall"


def issue(name):
    # ruleid: python.jwt.hard-coded-key
    return jwt.encode({"sub": name}, "blue door in the wall", algorithm="HS256")


def check(token):
    # ruleid: python.jwt.hard-coded-key
    return jwt.decode(token, KEY, algorithms=["HS256"])


def issue_well(name):
    # ok: python.jwt.hard-coded-key
    return jwt.encode({"sub": name}, os.environ["TOKEN_KEY"], algorithm="HS256")

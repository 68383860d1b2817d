import jwt
from jose import jwt as jose_jwt


def who(token):
    # ruleid: python.jwt.signature-not-verified
    return jwt.decode(token, options={"verify_signature": False})["sub"]


def old_form(token):
    # ruleid: python.jwt.signature-not-verified
    return jwt.decode(token, verify=False)


def unsigned(token, key):
    # ruleid: python.jwt.signature-not-verified
    return jwt.decode(token, key, algorithms=["HS256", "none"])


def claims(token):
    # ruleid: python.jwt.signature-not-verified
    return jose_jwt.get_unverified_claims(token)


def who_checked(token, key):
    # ok: python.jwt.signature-not-verified
    return jwt.decode(token, key, algorithms=["ES256"])["sub"]

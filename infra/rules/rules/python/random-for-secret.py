import random
import secrets
import string


def invite():
    # ruleid: python.crypto.random-for-secret
    token = "".join(random.choices(string.ascii_letters, k=32))
    return token


def reset_password():
    # ruleid: python.crypto.random-for-secret
    return "".join(random.choice(string.ascii_letters) for _ in range(12))


def number():
    # ruleid: python.crypto.random-for-secret
    user_otp = random.randint(100000, 999999)
    return user_otp


def invite_well():
    # ok: python.crypto.random-for-secret
    token = secrets.token_urlsafe(32)
    return token


def dice():
    # ok: python.crypto.random-for-secret
    eyes = random.randint(1, 6)
    return eyes

import hashlib

from cryptography.hazmat.primitives import hashes


def stored(password):
    # ruleid: python.crypto.weak-hash
    return hashlib.md5(password.encode()).hexdigest()


def signature(data):
    # ruleid: python.crypto.weak-hash
    return hashlib.new("sha1", data).digest()


def digest():
    # ruleid: python.crypto.weak-hash
    return hashes.Hash(hashes.SHA1())


def key_of_cache(name):
    # ok: python.crypto.weak-hash
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def checksum(data):
    # ok: python.crypto.weak-hash
    return hashlib.sha256(data).hexdigest()


def named(data):
    # ok: python.crypto.weak-hash
    return hashlib.new("sha512", data).hexdigest()

from Crypto.Cipher import AES, ARC4, DES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def hide(key, text):
    # ruleid: python.crypto.weak-cipher
    return DES.new(key, DES.MODE_CBC).encrypt(text)


def stream(key, text):
    # ruleid: python.crypto.weak-cipher
    return ARC4.new(key).encrypt(text)


def triple(key, nonce):
    # ruleid: python.crypto.weak-cipher
    return Cipher(algorithms.TripleDES(key), modes.CBC(nonce))


def hide_well(key, text):
    # ok: python.crypto.weak-cipher
    return AES.new(key, AES.MODE_GCM).encrypt_and_digest(text)


def modern(key, nonce):
    # ok: python.crypto.weak-cipher
    return Cipher(algorithms.AES(key), modes.GCM(nonce))

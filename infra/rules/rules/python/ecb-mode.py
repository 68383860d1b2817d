from Crypto.Cipher import AES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def hide(key, text):
    # ruleid: python.crypto.ecb-mode
    return AES.new(key, AES.MODE_ECB).encrypt(text)


def context(key):
    # ruleid: python.crypto.ecb-mode
    return Cipher(algorithms.AES(key), modes.ECB())


def hide_well(key, text):
    # ok: python.crypto.ecb-mode
    return AES.new(key, AES.MODE_GCM).encrypt_and_digest(text)


def good_context(key, nonce):
    # ok: python.crypto.ecb-mode
    return Cipher(algorithms.AES(key), modes.GCM(nonce))

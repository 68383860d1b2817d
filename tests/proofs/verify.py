#!/usr/bin/env python3
"""Verifies an audit bundle of Scanledger, with nothing but Python's standard library.

    verify.py BUNDLE KEY

KEY is what `scanledger audit key` printed, and must come from somewhere else than the bundle. Written from the
documents (RFC 8032, RFC 9162, C2SP signed-note and tlog-checkpoint, and the form of a leaf), not from the program.
"""

import base64
import hashlib
import json
import struct
import sys
import uuid

# Ed25519 (RFC 8032 §5.1): points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    x, y, z, t = f - e, h - g, h + g, f + e
    return x * y % P, z * t % P, y * z % P, x * t % P


def times(n, point):
    total = (0, 1, 1, 0)
    while n:
        if n & 1:
            total = add(total, point)
        point, n = add(point, point), n >> 1
    return total


def point_of(data):
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_signed(key, text, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(r + key + text).digest(), "little") % L
    left, right = times(s, BASE), add(point_of(r), times(k, point_of(key)))
    same = lambda i: (left[i] * right[2] - right[i] * left[2]) % P == 0
    return same(0) and same(1)


def checkpoint_of(note, key_text):
    """Size and root of a signed checkpoint; fails unless it is signed with the key."""
    name, key_id, key = key_text.split("+", 2)
    key = base64.b64decode(key, validate=True)
    assert len(key) == 33 and key[0] == 1, "the key is not an Ed25519 key"
    assert hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() == key_id, "the key was not copied whole"
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    for line in signatures.splitlines():
        dash, by, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        if (dash, by, signature[:4].hex()) == ("\u2014", name, key_id):
            assert is_signed(key[1:], text.encode(), signature[4:]), "the signature is not valid"
            break
    else:
        raise AssertionError("the checkpoint is not signed with the key")
    origin, size, root = text.split("\n")[:3]
    assert origin == name, "the checkpoint is of another log"
    return int(size), base64.b64decode(root, validate=True)


def leaf_of(event):
    form = struct.pack(">BQ", 1, event["position"]) + uuid.UUID(event["id"]).bytes
    form += struct.pack(">QHq", event["version"], event["schema"], event["recordedAt"])
    for column in ("stream", "type", "data", "metadata"):
        text = event[column].encode()
        form += struct.pack(">I", len(text)) + text
    return hashlib.sha256(b"\0" + form).digest()


def root_of(index, size, up, proof):
    """RFC 9162 §2.1.3.2."""
    assert index < size, "the leaf is outside the tree"
    last = size - 1
    for sibling in proof:
        assert last > 0, "the proof is too long"
        if index & 1 or index == last:
            up = hashlib.sha256(b"\1" + sibling + up).digest()
            while index & 1 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            up = hashlib.sha256(b"\1" + up + sibling).digest()
        index, last = index >> 1, last >> 1
    assert last == 0, "the proof is too short"
    return up


def verify(path, key):
    with open(path, encoding="utf-8", newline="\n") as lines:
        header = json.loads(next(lines))
        assert header["format"] == "scanledger-audit-bundle/1", "unknown format"
        size, root = checkpoint_of(header["checkpoint"], key)
        before, found = None, 0
        for line in lines:
            event = json.loads(line)
            where = f"the event at {event['position']}"
            proof = [base64.b64decode(sibling, validate=True) for sibling in event["proof"]]
            assert root_of(event["leaf"], size, leaf_of(event), proof) == root, f"{where} is not what was signed"
            assert header["from"] <= event["position"] <= header["to"], f"{where} is out of range"
            if before is not None:
                step = event["leaf"] - before
                assert step == 1 or step > 1 and header.get("project"), f"something is missing before {where}"
            before, found = event["leaf"], found + 1
        assert found == header["events"], "events are missing at the end"
    return found, size


if __name__ == "__main__":
    try:
        print("valid: %d events under the checkpoint of %d events" % verify(sys.argv[1], sys.argv[2].strip()))
    except (AssertionError, ValueError, KeyError) as error:
        sys.exit(f"not valid: {error}")

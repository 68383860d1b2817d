import base64
import json
import pickle

from flask import Flask, request

app = Flask(__name__)


@app.post("/state")
def state():
    # ruleid: python.deserialization.pickle-from-request
    return pickle.loads(request.data)


def basket(request):
    cookie = request.COOKIES["basket"]
    # ruleid: python.deserialization.pickle-from-request
    return pickle.loads(base64.b64decode(cookie))


@app.post("/model")
def model():
    # ruleid: python.deserialization.pickle-from-request
    return pickle.load(request.files["model"])


@app.post("/state-json")
def state_json():
    # ok: python.deserialization.pickle-from-request
    return json.loads(request.data)


def cached(path):
    with open(path, "rb") as file:
        # ok: python.deserialization.pickle-from-request
        return pickle.load(file)

import os
from pathlib import Path

from flask import Flask, request, send_file, send_from_directory
from werkzeug.utils import secure_filename

app = Flask(__name__)
FOLDER = Path("/srv/files")


@app.get("/file")
def file():
    # ruleid: python.path-traversal.file-from-request
    return send_file(os.path.join("/srv/files", request.args["name"]))


@app.route("/text/<path:name>")
def text(name):
    # ruleid: python.path-traversal.file-from-request
    with open("/srv/files/" + name, encoding="utf-8") as opened:
        return opened.read()


def note(request):
    path = FOLDER / request.GET["name"]
    # ruleid: python.path-traversal.file-from-request
    return path.read_text()


@app.get("/file-safe")
def file_safe():
    # ok: python.path-traversal.file-from-request
    return send_from_directory("/srv/files", request.args["name"])


@app.get("/upload-safe")
def upload_safe():
    name = secure_filename(request.args["name"])
    # ok: python.path-traversal.file-from-request
    return send_file(os.path.join("/srv/files", name))


def note_safe(request):
    path = (FOLDER / request.GET["name"]).resolve()
    if not path.is_relative_to(FOLDER):
        raise PermissionError
    # ok: python.path-traversal.file-from-request
    return path.read_text()

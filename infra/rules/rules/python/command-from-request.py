import os
import shlex
import subprocess

from fastapi import FastAPI
from flask import Flask, request

app = Flask(__name__)
api = FastAPI()


@app.route("/ping")
def ping():
    host = request.args.get("host")
    # ruleid: python.injection.command-from-request
    os.system("ping -c 1 " + host)


@app.route("/logs/<name>")
def logs(name):
    # ruleid: python.injection.command-from-request
    return subprocess.check_output(f"tail {name}", shell=True)


@api.get("/size")
async def size(folder: str):
    # ruleid: python.injection.command-from-request
    return os.popen(f"du -s {folder}").read()


def convert(request):
    # ruleid: python.injection.command-from-request
    subprocess.run("convert %s out.png" % request.POST["file"], shell=True, check=True)


@app.route("/ping-list")
def ping_list():
    # ok: python.injection.command-from-request
    subprocess.run(["ping", "-c", "1", "--", request.args["host"]], check=True)


@app.route("/ping-quoted")
def ping_quoted():
    # ok: python.injection.command-from-request
    os.system("ping -c 1 -- " + shlex.quote(request.args["host"]))


@app.route("/count/<int:count>")
def ping_often(count):
    # ok: python.injection.command-from-request
    os.system(f"ping -c {count} localhost")

import ast

from flask import Flask, request

app = Flask(__name__)


@app.post("/sum")
def total():
    # ruleid: python.injection.eval-from-request
    return str(eval(request.form["formula"]))


def run(request):
    code = request.body.decode()
    # ruleid: python.injection.eval-from-request
    exec(code, {})


@app.post("/list")
def values():
    # ok: python.injection.eval-from-request
    return ast.literal_eval(request.form["values"])


def double(number):
    # ok: python.injection.eval-from-request
    return eval("number * 2")

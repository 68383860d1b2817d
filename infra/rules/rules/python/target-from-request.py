from django.http import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from flask import Flask, redirect, request as flask_request, url_for

app = Flask(__name__)


@app.get("/next")
def onward():
    # ruleid: python.redirect.target-from-request
    return redirect(flask_request.args.get("next", "/"))


def signed_in(request):
    target = request.GET["next"]
    # ruleid: python.redirect.target-from-request
    return HttpResponseRedirect(target)


@app.get("/home")
def home():
    # ok: python.redirect.target-from-request
    return redirect(url_for("profile", name=flask_request.args["name"]))


@app.get("/page")
def page():
    # ok: python.redirect.target-from-request
    return redirect("/pages/" + flask_request.args["name"])


def signed_in_checked(request):
    target = request.GET["next"]
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = "/"
    # ok: python.redirect.target-from-request
    return HttpResponseRedirect(target)

from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from flask import Flask, request as flask_request
from markupsafe import escape

app = Flask(__name__)


def greet(request):
    # ruleid: python.injection.xss-unescaped-html
    return HttpResponse("<h1>" + request.GET["name"] + "</h1>")


def badge(request):
    label = request.GET.get("label")
    # ruleid: python.injection.xss-unescaped-html
    return mark_safe(f"<b>{label}</b>")


@app.route("/search")
def search():
    # ruleid: python.injection.xss-unescaped-html
    return "<p>Nothing found for " + flask_request.args["q"]


def greet_escaped(request):
    # ok: python.injection.xss-unescaped-html
    return HttpResponse(format_html("<h1>{}</h1>", request.GET["name"]))


def page(request):
    # ok: python.injection.xss-unescaped-html
    return HttpResponse(render_to_string("page.html", {"name": request.GET["name"]}))


def as_json(request):
    # ok: python.injection.xss-unescaped-html
    return JsonResponse({"name": request.GET["name"]})


@app.route("/search-escaped")
def search_escaped():
    # ok: python.injection.xss-unescaped-html
    return "<p>Nothing found for " + str(escape(flask_request.args["q"]))

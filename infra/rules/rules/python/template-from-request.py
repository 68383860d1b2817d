from flask import Flask, render_template_string, request
from jinja2 import Template

app = Flask(__name__)


@app.get("/hello")
def hello():
    # ruleid: python.injection.template-from-request
    return render_template_string("<p>Hello " + request.args["name"] + "</p>")


@app.get("/preview")
def preview():
    source = request.args.get("template", "")
    # ruleid: python.injection.template-from-request
    return Template(source).render()


@app.get("/hello-safe")
def hello_safe():
    # ok: python.injection.template-from-request
    return render_template_string("<p>Hello {{ name }}</p>", name=request.args["name"])

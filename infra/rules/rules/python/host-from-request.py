import urllib.request

import requests
from fastapi import FastAPI
from flask import Flask, request

app = Flask(__name__)
api = FastAPI()


@app.get("/preview")
def preview():
    url = request.args["url"]
    # ruleid: python.ssrf.host-from-request
    return requests.get(url, timeout=5).text


@api.get("/image")
def image(host: str):
    # ruleid: python.ssrf.host-from-request
    return urllib.request.urlopen(f"https://{host}/logo.png").read()


@app.get("/weather")
def weather():
    # ok: python.ssrf.host-from-request
    return requests.get("https://weather.example/v1/" + request.args["city"], timeout=5).text


@api.get("/country")
def country(code: str):
    # ok: python.ssrf.host-from-request
    return requests.get(f"https://countries.example/v1/{code}", timeout=5).json()


@app.get("/search")
def search():
    # ok: python.ssrf.host-from-request
    return requests.get("https://search.example", params={"q": request.args["q"]}, timeout=5).text

import ssl

import httpx
import requests


def fetch(url):
    # ruleid: python.crypto.tls-verify-off
    return requests.get(url, timeout=5, verify=False)


def client():
    # ruleid: python.crypto.tls-verify-off
    return httpx.Client(verify=False)


def context():
    made = ssl.create_default_context()
    made.check_hostname = False
    # ruleid: python.crypto.tls-verify-off
    made.verify_mode = ssl.CERT_NONE
    return made


def session():
    made = requests.Session()
    # ruleid: python.crypto.tls-verify-off
    made.verify = False
    return made


def fetch_with(client, url):
    # ruleid: python.crypto.tls-verify-off
    return client.post(url, json={}, verify=False)


def other(form):
    # ok: python.crypto.tls-verify-off
    form.verify = False


def fetch_checked(url):
    # ok: python.crypto.tls-verify-off
    return requests.get(url, timeout=5)


def fetch_private(url):
    # ok: python.crypto.tls-verify-off
    return requests.get(url, timeout=5, verify="/etc/ssl/our-authority.pem")

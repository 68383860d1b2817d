"""Asks the search service, and looks through the names if it does not answer."""

import json
import urllib.request

# Planted for the demo: the same key is in docs/runbook.md.
SEARCH_API_KEY = "jbNwkqOg36M3Gx5CxwJGdabBBegIRQSz"
SEARCH_URL = "https://search.shop.internal/query"


def search(words, products):
    request = urllib.request.Request(SEARCH_URL, data=words.encode(), headers={"X-Key": SEARCH_API_KEY})
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:
            return json.load(answer)
    except OSError:
        return [p for p in products.values() if words.lower() in p["name"].lower()]

"""What can be bought, as JSON."""

from flask import Flask, abort, jsonify

from products import load_products
from search import search

app = Flask(__name__)
products = load_products("products.yaml")


@app.route("/products/<sku>")
def product(sku):
    if sku not in products:
        abort(404)
    return jsonify(products[sku])


@app.route("/search/<words>")
def find(words):
    return jsonify(search(words, products))

"""Reads the products from a file."""

import yaml


def load_products(path):
    with open(path, encoding="utf-8") as file:
        entries = yaml.safe_load(file)
    return {entry["sku"]: entry for entry in entries}

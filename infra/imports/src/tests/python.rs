use super::{check, written};
use crate::language::Language;

#[test]
fn every_form_of_import_is_found() {
    let text = r#"#!/usr/bin/env python3
"""Starts the server."""
from __future__ import annotations

import os, sys
import requests
import numpy as np, pandas.core as pc
import yaml; import bs4
from flask import Flask
from PIL import Image as I, ImageDraw
from sklearn.svm import *
from google.cloud import (
    storage,
    bigquery as bq,
)
from google import protobuf
import ruamel . yaml
import dateutil\
    .parser

try:
    import ujson as json
except ImportError:
    import simplejson as json

if TYPE_CHECKING:
    from jwt import PyJWT

def convert(path):
    import cv2
    async def inner():
        from Crypto.Cipher import AES
    class Local:
        import attr
    return cv2.imread(path)
"#;
    check(
        "app/main.py",
        text,
        &[
            ("requests", Some(6)),
            ("numpy", Some(7)),
            ("pandas", Some(7)),
            ("PyYAML", Some(8)),
            ("beautifulsoup4", Some(8)),
            ("Flask", Some(9)),
            ("Pillow", Some(10)),
            ("scikit-learn", Some(11)),
            ("google-cloud-storage", Some(12)),
            ("google-cloud-bigquery", Some(12)),
            ("protobuf", Some(16)),
            ("ruamel.yaml", Some(17)),
            ("python-dateutil", Some(18)),
            ("ujson", Some(22)),
            ("simplejson", Some(24)),
            ("PyJWT", Some(27)),
            ("opencv-python", Some(30)),
            ("pycryptodome", Some(32)),
            ("attrs", Some(34)),
            ("google-cloud-pubsub", None),
            ("json", None),
        ],
    );
}

#[test]
fn comments_strings_and_relative_imports_are_no_imports() {
    let text = r#"# import in_comment
"""
import in_docstring
>>> import in_doctest
"""
s = 'import in_string'
f = f"import in_format {x}"
r = r'''
from in_raw import x
'''
from . import sibling
from .relative import name
from ..parent.relative import other
from ... import grand
importlib.import_module("computed")
x.import_ = "attribute"
imports = "other"
import requests_oauthlib
"#;
    let names = [
        "in_comment",
        "in_docstring",
        "in_doctest",
        "in_string",
        "in_format",
        "in_raw",
        "sibling",
        "relative",
        "name",
        "parent",
        "grand",
        "computed",
        "attribute",
        "other",
        "requests",
    ];
    check("a.py", text, &names.map(|name| (name, None)));
    check("a.py", text, &[("requests-oauthlib", Some(18))]);
}

#[test]
fn an_import_near_an_error_is_found() {
    let text = "import before\ndef f():\n    x = = 1\nprint 'python 2'\nimport after\n";
    check("a.py", text, &[("before", Some(1)), ("after", Some(5))]);
}

#[test]
fn names_are_told_as_they_are_meant() {
    let text = "from a . b import (c, # comment\n  d as e,)\nimport f.g as h\nfrom .i import j\nfrom .. import k\nfrom l import *\n";
    assert_eq!(
        written(Language::Python, text),
        ["a.b", "a.b.c", "a.b.d", "f.g", ".i", ".i.j", ".", ".k", "l"]
    );
}

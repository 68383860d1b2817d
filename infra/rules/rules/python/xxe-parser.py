import xml.sax
from xml.sax.handler import feature_external_ges

import defusedxml.ElementTree
from lxml import etree


def read(data):
    # ruleid: python.injection.xxe-parser
    parser = etree.XMLParser(resolve_entities=True)
    return etree.fromstring(data, parser)


def read_with_types(data):
    # ruleid: python.injection.xxe-parser
    return etree.fromstring(data, etree.XMLParser(load_dtd=True, recover=True))


def stream(source, handler):
    reader = xml.sax.make_parser()
    # ruleid: python.injection.xxe-parser
    reader.setFeature(feature_external_ges, True)
    reader.setContentHandler(handler)
    reader.parse(source)


def read_safely(data):
    # ok: python.injection.xxe-parser
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.fromstring(data, parser)


def read_defused(data):
    # ok: python.injection.xxe-parser
    return defusedxml.ElementTree.fromstring(data)

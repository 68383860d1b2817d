const libxmljs = require("libxmljs");

function read(text) {
  // ruleid: javascript.injection.xxe-entities
  return libxmljs.parseXml(text, { noent: true, noblanks: true });
}

function readWithTypes(text) {
  // ruleid: javascript.injection.xxe-entities
  return libxmljs.parseXmlString(text, { dtdload: true });
}

function readSafely(text) {
  // ok: javascript.injection.xxe-entities
  return libxmljs.parseXml(text, { noblanks: true });
}

function readPlain(text) {
  // ok: javascript.injection.xxe-entities
  return libxmljs.parseXml(text);
}

const serialize = require("node-serialize");
const funcster = require("funcster");

function profile(req, res) {
  // ruleid: javascript.deserialization.function-from-text
  res.json(serialize.unserialize(req.cookies.profile));
}

function load(text) {
  // ruleid: javascript.deserialization.function-from-text
  return funcster.deepDeserialize(text);
}

function profileSafely(req, res) {
  // ok: javascript.deserialization.function-from-text
  res.json(JSON.parse(req.cookies.profile));
}

function write(profile) {
  // ok: javascript.deserialization.function-from-text
  return serialize.serialize(profile);
}

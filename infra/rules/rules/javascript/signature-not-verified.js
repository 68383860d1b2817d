const jwt = require("jsonwebtoken");

function who(token) {
  // ruleid: javascript.jwt.signature-not-verified
  return jwt.decode(token).sub;
}

function unsigned(token, key) {
  // ruleid: javascript.jwt.signature-not-verified
  return jwt.verify(token, key, { algorithms: ["HS256", "none"] });
}

function issue(name) {
  // ruleid: javascript.jwt.signature-not-verified
  return jwt.sign({ sub: name }, null, { algorithm: "none" });
}

function whoChecked(token, key) {
  // ok: javascript.jwt.signature-not-verified
  return jwt.verify(token, key, { algorithms: ["ES256"] }).sub;
}

function keyId(token) {
  // ok: javascript.jwt.signature-not-verified
  return jwt.decode(token, { complete: true }).header.kid;
}

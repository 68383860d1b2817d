const crypto = require("crypto");
const { createHash } = require("node:crypto");

function stored(password) {
  // ruleid: javascript.crypto.weak-hash
  return crypto.createHash("md5").update(password).digest("hex");
}

function digest(data) {
  // ruleid: javascript.crypto.weak-hash
  return createHash("SHA1").update(data).digest();
}

function sign(data, key) {
  // ruleid: javascript.crypto.weak-hash
  return crypto.createSign("RSA-SHA1").update(data).sign(key);
}

function checksum(data) {
  // ok: javascript.crypto.weak-hash
  return crypto.createHash("sha256").update(data).digest("hex");
}

function signWell(data, key) {
  // ok: javascript.crypto.weak-hash
  return crypto.createSign("RSA-SHA256").update(data).sign(key);
}
